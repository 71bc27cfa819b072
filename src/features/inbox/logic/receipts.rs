//! How far the messages of one sender came: from the marks of the receivers and from what was said after.

use crate::{
    base::id::SessionTag,
    features::{
        chat::model::{Message, Sender, To},
        inbox::model::{Receipt, Sent},
    },
};

/// Derives the receipts of everything `from` addressed to sessions; `said` is in the order of the room, and `marked`
/// tells how far a message came by the marks of a receiver.
pub fn derive(
    said: &[Message],
    from: &Sender,
    marked: impl Fn(&Message, &SessionTag) -> Receipt,
) -> Vec<Sent> {
    let mut all = Vec::new();
    for (index, message) in said.iter().enumerate() {
        if message.from != *from {
            continue;
        }
        for to in &message.about.to {
            let To::Session(to) = to else { continue };
            if from.session() == Some(to) {
                continue;
            }
            let answered = said[index + 1..]
                .iter()
                .any(|later| later.from.session() == Some(to) && answers(later, message));
            let receipt = if answered {
                Receipt::Acted
            } else {
                marked(message, to)
            };
            all.push(Sent {
                message: message.clone(),
                to: to.clone(),
                receipt,
            });
        }
    }
    all
}

/// An answer names the message; one that names none is an answer to its thread.
fn answers(later: &Message, message: &Message) -> bool {
    match &later.about.reply_to {
        Some(id) => *id == message.id,
        None => later.about.thread.as_ref() == Some(message.thread()),
    }
}
