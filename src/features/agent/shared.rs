//! Shared files in an agent's hands: what it reads is noted, what it writes is merged.
//!
//! Before a tool reads, the file as it is then counts as known to the session: it may be older than what the tool is shown,
//! never newer. Before a tool writes, the outcome is worked out against that: where another wrote meanwhile, Claude Code is
//! given the merged content instead, or the write is refused with the merge ready to apply. After the tool has written, the
//! write is carried out once more under the file's lock, which finds it done, or merges it with whatever came between; that
//! is also what puts the session's name to it.

use super::{
    logic::target::{self, Edit as ToolEdit, Writes},
    model::{Answer, Input, Vendor},
};
use crate::{
    base::text::{one_line, shell},
    ctx::Ctx,
    error::{Error, Kind, Result},
    features::{
        file::{
            claims, disk,
            known::{self, Known, Pending},
            logic::{self, Edit},
            order::{Base, Input as FileInput, Order},
            place::{self, Place, Who},
            shared, store,
            write::{self, Forecast, Outlook},
        },
        session::model::Session,
    },
    git::versions,
};
use std::path::Path;

/// The longest reason.
const MAX_REASON: usize = 3000;

/// Finds the shared file at a path, as the tool would see it; nothing for every other file.
fn find(ctx: &Ctx, path: &str) -> Result<Option<Place>> {
    let Ok(real) = disk::resolve(ctx.cwd(), Path::new(path)) else {
        // The tool will say so itself.
        return Ok(None);
    };
    if !shared::is_shared(ctx, &real)? {
        return Ok(None);
    }
    Place::at(place::hub()?, real).map(Some)
}

fn who(ctx: &Ctx, session: &Session, input: &Input) -> Who {
    Who::session(ctx, &session.tag, input.agent.as_deref())
}

/// Looks at a tool that is about to read or write.
pub fn before(ctx: &Ctx, vendor: Vendor, (session, input): (&Session, &Input)) -> Result<Answer> {
    let tool = input.tool.as_deref().unwrap_or_default();
    if let Some(path) = target::read_whole(tool, &input.tool_input) {
        if let Some(place) = find(ctx, &path)? {
            let now = store::look_in_passing(ctx, &place)?;
            if let Some(version) = &now.tip {
                known::note_known(&place, &who(ctx, session, input), &Known::of(version))?;
            }
        }
        return Ok(Answer::Silence);
    }
    for (path, writes) in target::writes(tool, &input.tool_input) {
        if let Some(place) = find(ctx, &path)? {
            let call = Call {
                ctx,
                place: &place,
                who: &who(ctx, session, input),
                input,
            };
            if let Err(error) = claims::require_free(ctx, &place, call.who) {
                return match error.kind {
                    Kind::No => Ok(Answer::Deny(call.reason(&error, false))),
                    _ => Err(error),
                };
            }
            let answer = call.judge(vendor, writes)?;
            if answer != Answer::Silence {
                return Ok(answer);
            }
        }
    }
    Ok(Answer::Silence)
}

/// One tool on one shared file.
struct Call<'a> {
    ctx: &'a Ctx,
    place: &'a Place,
    who: &'a Who,
    input: &'a Input,
}

impl Call<'_> {
    fn judge(&self, vendor: Vendor, writes: Writes) -> Result<Answer> {
        let (input, whole) = match writes {
            Writes::Whole(text) => (
                FileInput::Whole {
                    bytes: text.into_bytes(),
                    as_is: false,
                },
                true,
            ),
            Writes::Edits(edits) => (
                FileInput::Edits(edits.into_iter().map(edit).collect()),
                false,
            ),
            Writes::Unknown => return self.let_through().map(|()| Answer::Silence),
        };
        let outlook = match write::forecast(self.ctx, self.place, self.who, &input) {
            Ok(outlook) => outlook,
            // An edit whose text is not there fails by itself, in the agent's own words.
            Err(error) if error.kind == Kind::No => return Ok(Answer::Silence),
            Err(error) if matches!(error.kind, Kind::Conflict | Kind::Usage) => {
                return Ok(Answer::Deny(self.reason(&error, whole)));
            }
            Err(error) => return Err(error),
        };
        match &outlook.forecast {
            Forecast::Nothing | Forecast::Plain => {
                self.note(&outlook, &input, None)?;
                Ok(Answer::Silence)
            }
            Forecast::Merged(merged, others) => {
                let text = std::str::from_utf8(merged).ok();
                let change = text
                    .filter(|_| vendor == Vendor::Claude && whole)
                    .and_then(|text| self.changed(text));
                match change {
                    Some((tool_input, ask)) => {
                        self.note(&outlook, &input, Some(merged))?;
                        Ok(Answer::Changed {
                            input: tool_input,
                            ask,
                            reason: format!(
                                "{} was written by {} since this session read it: both are kept (git ccc)",
                                self.place.shown,
                                one_line(others, 200)
                            ),
                        })
                    }
                    None => self.hold_back(&input, others).map(Answer::Deny),
                }
            }
        }
    }

    /// Returns the tool's input with other content, and whether its user is to be asked: who is asked anyway is shown what
    /// will be written, who asks for nothing is not asked; where neither is certain nothing is decided for the user.
    fn changed(&self, text: &str) -> Option<(serde_json::Value, bool)> {
        let ask = match self.input.permission_mode.as_deref()? {
            "bypassPermissions" => false,
            "default" | "acceptEdits" | "plan" => true,
            _ => return None,
        };
        let mut changed = self.input.tool_input.clone();
        changed
            .as_object_mut()?
            .insert("content".to_owned(), text.into());
        Some((changed, ask))
    }

    /// Keeps what was meant, and says how it is applied.
    fn hold_back(&self, input: &FileInput, others: &str) -> Result<String> {
        let why = format!("{others} wrote meanwhile: ready to be merged");
        let kept = write::keep(self.ctx, self.place, self.who, (input, &why))?;
        let path = shell(&self.place.shown);
        Ok(format!(
            "{} was written by {} since this session read it (git ccc)\n\
             because: writing it whole would take that away; both fit together, and the merge is ready\n\
             next: git ccc file write {path} --kept {kept}\n\
             next: git ccc file diff {path} --kept {kept}",
            self.place.shown,
            one_line(others, 200)
        ))
    }

    /// Notes what the tool is about to do.
    fn note(&self, outlook: &Outlook, input: &FileInput, merged: Option<&[u8]>) -> Result<()> {
        let hub = &self.place.hub;
        let knows = match input {
            FileInput::Edits(edits) => self.edited(outlook, edits)?,
            _ => Some(Known {
                blob: outlook.given,
                commit: outlook.base.as_ref().and_then(|base| base.commit),
            }),
        };
        let base = match input {
            // An edit is made on what stands there.
            FileInput::Edits(_) => outlook.now.clone(),
            _ => outlook.base.clone().unwrap_or_else(|| outlook.now.clone()),
        };
        let lands = match merged {
            Some(merged) => Some(versions::write_blob(hub, merged)?),
            None => outlook.given,
        };
        let pending = Pending {
            base,
            given: outlook.given,
            lands,
            knows,
            call: self.call(),
        };
        known::note_pending(self.place, self.who, &pending)
    }

    /// What the session knows after an edit: what it knew, edited.
    fn edited(&self, outlook: &Outlook, edits: &[Edit]) -> Result<Option<Known>> {
        let Some(known) = &outlook.base else {
            return Ok(None);
        };
        let text = store::content(&self.place.hub, known.blob)?.unwrap_or_default();
        let Ok(text) = logic::apply(&text, edits) else {
            return Ok(None);
        };
        Ok(Some(Known {
            blob: Some(versions::write_blob(&self.place.hub, &text)?),
            commit: known.commit,
        }))
    }

    /// Notes a write whose outcome only the tool knows.
    fn let_through(&self) -> Result<()> {
        let now = store::look_in_passing(self.ctx, self.place)?;
        let base = now.tip.as_ref().map_or(
            Known {
                blob: None,
                commit: None,
            },
            Known::of,
        );
        let pending = Pending {
            base,
            given: None,
            lands: None,
            knows: None,
            call: self.call(),
        };
        known::note_pending(self.place, self.who, &pending)
    }

    fn call(&self) -> String {
        one_line(self.input.call.as_deref().unwrap_or_default(), 200)
    }

    fn reason(&self, error: &Error, whole: bool) -> String {
        let mut lines = vec![format!("{} (git ccc)", error.message)];
        lines.extend(error.because.iter().map(|why| format!("because: {why}")));
        if whole {
            lines.push(format!(
                "next: read {} again, and write it with what stands there now",
                self.place.shown
            ));
        }
        lines.extend(error.hints.iter().map(|hint| format!("next: {hint}")));
        let mut text = lines.join("\n");
        let mut end = MAX_REASON.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text
    }
}

fn edit(edit: ToolEdit) -> Edit {
    Edit::Replace {
        old: edit.old,
        new: edit.new,
        all: edit.all,
    }
}

/// Looks at what a tool has written; returns what the session should know of it.
pub fn after(ctx: &Ctx, (session, input): (&Session, &Input)) -> Result<Option<String>> {
    let tool = input.tool.as_deref().unwrap_or_default();
    let mut news = Vec::new();
    for (path, _) in target::writes(tool, &input.tool_input) {
        if let Some(place) = find(ctx, &path)? {
            news.extend(settle(ctx, &place, (&who(ctx, session, input), input))?);
        }
    }
    Ok((!news.is_empty()).then(|| news.join("\n")))
}

/// Carries out what a tool was about to do, whatever it found by then.
fn settle(ctx: &Ctx, place: &Place, (who, input): (&Who, &Input)) -> Result<Option<String>> {
    let call = one_line(input.call.as_deref().unwrap_or_default(), 200);
    let Some(pending) = known::take_pending(place, who).filter(|pending| pending.call == call)
    else {
        return Ok(None);
    };
    let (bytes, landed) = if pending.given.is_some() {
        (store::content(&place.hub, pending.given)?, pending.lands)
    } else {
        let found = disk::read(&place.path)?;
        let landed = store::name(place, &found)?;
        (found.bytes, landed)
    };
    let Some(bytes) = bytes else {
        store::look_in_passing(ctx, place)?;
        return Ok(None);
    };
    let order = Order {
        input: FileInput::Whole {
            bytes,
            as_is: false,
        },
        base: Base::Stated(pending.base),
        landed,
    };
    // Only what the session itself meant counts as known to it.
    let done = match write::carry_out(ctx, place, &unknowing(who), order) {
        Ok(done) => done,
        Err(error) if matches!(error.kind, Kind::Conflict | Kind::Usage) => {
            return Ok(Some(format!(
                "{error}; git ccc file log {}",
                shell(&place.shown)
            )));
        }
        Err(error) => return Err(error),
    };
    if let Some(mut knows) = pending.knows {
        if let Some(version) = &done.version
            && version.blob == knows.blob
        {
            knows.commit = Some(version.commit);
        }
        known::note_known(place, who, &knows)?;
    }
    let names: Vec<String> = done
        .merged
        .iter()
        .map(|(version, by)| format!("{by} (version {version})"))
        .collect();
    Ok((!names.is_empty()).then(|| {
        format!(
            "{} is merged with what {} wrote since this session read it; what stands there now: git ccc file cat {} (git ccc)",
            place.shown,
            one_line(&names.join(", "), 300),
            shell(&place.shown)
        )
    }))
}

/// The same writer, of whom nothing is noted.
fn unknowing(who: &Who) -> Who {
    Who {
        knower: None,
        ..who.clone()
    }
}
