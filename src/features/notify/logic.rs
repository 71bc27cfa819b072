//! Pure: whether to tell, and in which words.

use super::model::{Event, Kind, Outcome};
use crate::base::text::one_line;
use std::str::FromStr;

/// A text from others is cut to so many characters.
const TEXT: usize = 300;

/// The hours of the day in which nobody is told, by the user's clock: `22:00-07:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietHours {
    /// The first minute of the day.
    from: u32,
    /// The minute of the day at which it ends; before `from` it is the next day's.
    to: u32,
}

/// A text that names no hours.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected hours such as 22:00-07:00")]
pub struct NoHours;

impl FromStr for QuietHours {
    type Err = NoHours;

    fn from_str(text: &str) -> Result<Self, NoHours> {
        let minute = |text: &str| -> Option<u32> {
            let (hours, minutes) = text.split_once(':')?;
            let digits = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
            if !digits(hours) || !digits(minutes) {
                return None;
            }
            let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
            (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
        };
        let (from, to) = text.split_once('-').ok_or(NoHours)?;
        let (from, to) = minute(from).zip(minute(to)).ok_or(NoHours)?;
        Ok(QuietHours { from, to })
    }
}

impl QuietHours {
    /// Tells whether a minute of the day is in them; hours that begin when they end have no minute.
    pub fn has(self, minute: u32) -> bool {
        if self.from <= self.to {
            (self.from..self.to).contains(&minute)
        } else {
            minute >= self.from || minute < self.to
        }
    }
}

/// What the user wants.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// Which kinds, by their words.
    pub kinds: &'a [String],
    /// When not.
    pub quiet: Option<QuietHours>,
    /// There is a way.
    pub somewhere: bool,
}

/// Decides whether to tell at a minute of the user's day; nothing says: tell.
pub fn hold_back(kind: Kind, wanted: &Wanted<'_>, minute: u32) -> Option<Outcome> {
    if !wanted.somewhere {
        Some(Outcome::Nowhere)
    } else if !wanted.kinds.iter().any(|word| word == kind.word()) {
        Some(Outcome::Unwanted)
    } else if !kind.is_urgent() && wanted.quiet.is_some_and(|quiet| quiet.has(minute)) {
        Some(Outcome::Quiet)
    } else {
        None
    }
}

/// Returns the line that says who and why.
pub fn title(event: &Event) -> String {
    format!(
        "{}: {} {}",
        one_line(&event.repo, 60),
        one_line(&event.from, 60),
        event.kind.title()
    )
}

/// Returns the text on one line.
pub fn body(event: &Event) -> String {
    one_line(event.text.trim(), TEXT)
}

/// Returns the payload of an incoming webhook, which Mattermost and Slack read alike.
pub fn payload(event: &Event) -> String {
    let text = format!("*{}*\n{}", harmless(&title(event)), harmless(&body(event)));
    serde_json::json!({ "text": text }).to_string()
}

/// Takes from a text what Mattermost and Slack would act on: mentions, links, markup.
///
/// `&`, `<` and `>` are escaped as Slack asks for, and Mattermost shows them as they were; a zero-width space after
/// `@` and `#` keeps `@channel` and channel links from being found; markup characters get the width of a letter.
pub fn harmless(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '@' | '#' | ':' => {
                out.push(c);
                out.push('\u{200b}');
            }
            '*' => out.push('∗'),
            '_' => out.push('\u{ff3f}'),
            '~' => out.push('∼'),
            '`' => out.push('ˋ'),
            '[' => out.push('［'),
            ']' => out.push('］'),
            '|' => out.push('｜'),
            '\\' => out.push('＼'),
            c => out.push(c),
        }
    }
    out
}

/// Returns what notify-send is given: the servers read its body as markup.
pub fn markup(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Returns the terminal's own notification (OSC 777 and OSC 9); control characters cannot be in it.
pub fn escape_sequence(event: &Event) -> String {
    let plain = |text: String| -> String {
        // `;` divides the fields of OSC 777.
        text.chars()
            .filter(|c| !c.is_control())
            .map(|c| if c == ';' { ',' } else { c })
            .collect()
    };
    let (title, body) = (plain(title(event)), plain(body(event)));
    format!("\x1b]777;notify;{title};{body}\x07\x1b]9;{title}: {body}\x07")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hours(text: &str) -> QuietHours {
        text.parse().expect("hours")
    }

    fn event(text: &str) -> Event {
        Event {
            id: "m1".to_owned(),
            kind: Kind::Mention,
            from: "a-1d33".to_owned(),
            repo: "shop".to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn quiet_hours_may_pass_midnight() {
        let night = hours("22:00-07:00");
        for (minute, quiet) in [
            (21 * 60 + 59, false),
            (22 * 60, true),
            (0, true),
            (419, true),
            (420, false),
        ] {
            assert_eq!(night.has(minute), quiet, "{minute}");
        }
        assert!(hours("12:00-13:00").has(750) && !hours("12:00-13:00").has(780));
        assert!(!hours("12:00-12:00").has(720), "no length, no minute");
        for bad in [
            "",
            "22-7",
            "24:00-07:00",
            "22:60-07:00",
            "+1:00-02:00",
            "22:00",
            "22:00-7:00",
        ] {
            assert_eq!(bad.parse::<QuietHours>(), Err(NoHours), "{bad:?}");
        }
    }

    #[test]
    fn only_a_broken_claim_passes_the_quiet_hours() {
        let kinds: Vec<String> = ["mention", "broken_claim"]
            .map(str::to_owned)
            .into_iter()
            .collect();
        let wanted = Wanted {
            kinds: &kinds,
            quiet: Some(hours("22:00-07:00")),
            somewhere: true,
        };
        assert_eq!(hold_back(Kind::Mention, &wanted, 0), Some(Outcome::Quiet));
        assert_eq!(hold_back(Kind::BrokenClaim, &wanted, 0), None);
        assert_eq!(hold_back(Kind::Mention, &wanted, 720), None);
        let few = Wanted {
            kinds: &kinds[1..],
            ..wanted
        };
        assert_eq!(hold_back(Kind::Mention, &few, 720), Some(Outcome::Unwanted));
        let nowhere = Wanted {
            somewhere: false,
            ..few
        };
        assert_eq!(
            hold_back(Kind::BrokenClaim, &nowhere, 720),
            Some(Outcome::Nowhere)
        );
    }

    #[test]
    fn an_idle_timer_is_no_alarm() {
        assert_eq!(Kind::of_agent("permission_prompt"), Some(Kind::InputNeeded));
        for quiet in ["idle_prompt", "auth_success", "", "something_new"] {
            assert_eq!(Kind::of_agent(quiet), None, "{quiet}");
        }
    }

    #[test]
    fn what_a_peer_wrote_mentions_and_links_nobody() {
        let said = payload(&event(
            "<!channel> @channel [x](http://e.vil) *b* `c` </a>\u{1b}[2J\nnext",
        ));
        let read: serde_json::Value = serde_json::from_str(&said).expect("JSON");
        let text = read["text"].as_str().expect("text");
        for bad in ["<!", "@c", "](", "http:/", "\u{1b}", "`"] {
            assert!(!text.contains(bad), "{bad} in {text}");
        }
        assert_eq!(text.lines().count(), 2, "a title and one line: {text}");
    }

    proptest! {
        #[test]
        fn no_text_escapes_its_field(text in "\\PC{0,400}|[\u{0}-\u{7f}]{0,400}") {
            let sequence = escape_sequence(&event(&text));
            prop_assert_eq!(sequence.matches('\u{1b}').count(), 2);
            prop_assert_eq!(sequence.matches('\u{7}').count(), 2);
            let said = payload(&event(&text));
            let read: serde_json::Value = serde_json::from_str(&said).expect("JSON");
            let text = read["text"].as_str().expect("text");
            prop_assert!(!text.contains(['<', '>', '`', '[', ']']));
            prop_assert_eq!(text.lines().count().max(2), 2);
        }
    }
}
