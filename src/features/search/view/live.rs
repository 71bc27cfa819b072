//! What is seen while one types: the query, the conversations, the chosen one with its moments, the keys.
//!
//! Everything that comes from a transcript passes `text::one_line` or `text::block` on its way into a cell.

use crate::{
    base::text,
    features::search::{
        logic::live::{Row, State},
        model::{Hit, Moment},
    },
};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Position, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Block, Borders, Paragraph},
};

const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
const DIM: Style = Style::new().add_modifier(Modifier::DIM);
const HERE: Style = Style::new().add_modifier(Modifier::REVERSED);
const FOUND: Style = Style::new().fg(Color::Yellow).add_modifier(Modifier::BOLD);

/// From this width on the moments stand beside the list, else below it.
const WIDE: u16 = 100;
const KEYS: &str = "↑↓ choose · tab moment · enter open · ^Y copy resume · ^S ask · esc quit";

/// Draws the whole screen.
pub fn draw(frame: &mut Frame<'_>, state: &State) {
    let [top, middle, bottom] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    let (list, preview) = if frame.area().width >= WIDE {
        let [list, preview] =
            Layout::horizontal([Constraint::Percentage(42), Constraint::Fill(1)]).areas(middle);
        (list, preview)
    } else {
        let rows = u16::try_from(state.rows.len()).unwrap_or(u16::MAX);
        let high = rows.clamp(1, (middle.height / 3).max(1));
        let [list, preview] =
            Layout::vertical([Constraint::Length(high), Constraint::Fill(1)]).areas(middle);
        (list, preview)
    };
    draw_input(frame, top, state);
    draw_list(frame, list, state);
    draw_preview(frame, preview, state);
    let foot = if state.said.is_empty() {
        Line::styled(KEYS, DIM)
    } else {
        Line::raw(text::one_line(&state.said, 200))
    };
    frame.render_widget(foot, bottom);
}

/// Draws what is typed, the cursor, and how much was found.
fn draw_input(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let (head, input) = match &state.question {
        Some(question) => (
            format!("ask {}: ", text::one_line(&question.to, 60)),
            &question.input,
        ),
        None => ("search: ".to_owned(), &state.input),
    };
    let count = match (state.waits(), state.total) {
        (true, _) => "…".to_owned(),
        (false, 1) => "1 conversation".to_owned(),
        (false, total) => format!("{total} conversations"),
    };
    let [left, right] = Layout::horizontal([
        Constraint::Fill(1),
        Constraint::Length(u16::try_from(count.len()).unwrap_or(20)),
    ])
    .areas(area);
    let line = Line::from(vec![
        Span::styled(head.clone(), BOLD),
        Span::raw(text::one_line(input.text(), usize::MAX)),
    ]);
    let before =
        Span::raw(head).width() + Span::raw(text::one_line(input.before(), usize::MAX)).width();
    // A line that is too long is seen around the cursor.
    let over = before.saturating_sub(usize::from(left.width).saturating_sub(2));
    let over = u16::try_from(over).unwrap_or(u16::MAX);
    frame.render_widget(Paragraph::new(line).scroll((0, over)), left);
    frame.render_widget(Line::styled(count, DIM), right);
    let column = u16::try_from(before)
        .unwrap_or(u16::MAX)
        .saturating_sub(over);
    frame.set_cursor_position(Position::new(left.x.saturating_add(column), left.y));
}

fn draw_list(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let high = usize::from(area.height).max(1);
    let from = (state.chosen + 1).saturating_sub(high);
    let rows = state.rows.iter().enumerate().skip(from).take(high);
    let lines: Vec<Line<'_>> = rows
        .map(|(at, row)| row_line(row, at == state.chosen))
        .collect();
    if lines.is_empty() && !state.waits() {
        frame.render_widget(Line::styled("nothing matches", DIM), area);
    } else {
        frame.render_widget(Paragraph::new(lines), area);
    }
}

fn row_line(row: &Row, chosen: bool) -> Line<'static> {
    let title = row.hit.title.as_deref().unwrap_or("(no title)");
    let day: String = row
        .hit
        .last
        .iter()
        .flat_map(|at| at.chars().take(10))
        .collect();
    let line = Line::from(vec![
        Span::styled(format!("{day:<10} "), DIM),
        Span::raw(if row.alive { "● " } else { "  " }),
        Span::raw(text::one_line(title, 200)),
    ]);
    if chosen { line.style(HERE) } else { line }
}

fn draw_preview(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let side = if area.x > 0 {
        Borders::LEFT
    } else {
        Borders::TOP
    };
    let block = Block::new().borders(side).border_style(DIM);
    let inside = block.inner(area);
    frame.render_widget(block, area);
    let Some(row) = state.chosen_row() else {
        return;
    };
    let mut lines = head(state.preview.as_ref().unwrap_or(&row.hit));
    let moments = state
        .preview
        .iter()
        .flat_map(|hit| hit.moments.iter().enumerate());
    for (at, moment) in moments.skip(state.moment) {
        lines.push(Line::default());
        lines.push(moment_head(moment, at == state.moment));
        lines.extend(snippet(moment));
        if lines.len() > usize::from(inside.height) {
            break;
        }
    }
    let wrap = ratatui::widgets::Wrap { trim: false };
    frame.render_widget(Paragraph::new(lines).wrap(wrap), inside);
}

fn head(hit: &Hit) -> Vec<Line<'static>> {
    let title = hit.title.as_deref().unwrap_or("(no title)");
    let mut facts = vec![hit.agent.clone()];
    facts.push(hit.tag.clone().unwrap_or_else(|| hit.session.clone()));
    facts.extend(hit.project.clone());
    facts.extend(hit.branches.last().cloned());
    let facts: Vec<String> = facts.iter().map(|fact| text::one_line(fact, 80)).collect();
    let mut lines = vec![
        Line::styled(text::one_line(title, 200), BOLD),
        Line::styled(facts.join(" · "), DIM),
    ];
    if let Some(resume) = &hit.resume {
        lines.push(Line::styled(text::one_line(resume, 120), DIM));
    }
    if !hit.missing.is_empty() {
        let words = text::one_line(&hit.missing.join(" "), 100);
        lines.push(Line::styled(format!("without: {words}"), DIM));
    }
    lines
}

fn moment_head(moment: &Moment, chosen: bool) -> Line<'static> {
    let mut parts = vec![moment.role.to_owned()];
    parts.extend(moment.tool.as_ref().map(|tool| text::one_line(tool, 40)));
    let minute = |at: &String| at.chars().take(16).collect::<String>().replace('T', " ");
    parts.extend(moment.at.as_ref().map(minute));
    let line = Line::from(parts.join(" "));
    line.style(if chosen { HERE } else { BOLD })
}

/// Cuts a snippet into lines, its words marked.
fn snippet(moment: &Moment) -> Vec<Line<'static>> {
    let mut lines = vec![Line::default()];
    let mut marks = moment.highlights.iter().copied().peekable();
    let (mut run, mut marked) = (String::new(), false);
    let push = |lines: &mut Vec<Line<'static>>, run: &mut String, marked: bool| {
        if let Some(line) = lines.last_mut().filter(|_| !run.is_empty()) {
            // A tab has no width of its own in a cell.
            let safe = text::block(run).replace('\t', "    ");
            line.push_span(Span::styled(
                safe,
                if marked { FOUND } else { Style::new() },
            ));
        }
        run.clear();
    };
    for (at, c) in moment.snippet.chars().enumerate() {
        while marks.next_if(|(_, to)| *to <= at).is_some() {}
        let inside = marks.peek().is_some_and(|(from, _)| *from <= at);
        if inside != marked || c == '\n' {
            push(&mut lines, &mut run, marked);
            marked = inside;
        }
        if c == '\n' {
            lines.push(Line::default());
        } else {
            run.push(c);
        }
    }
    push(&mut lines, &mut run, marked);
    lines.retain(|line| {
        line.spans
            .iter()
            .any(|span| !span.content.trim().is_empty())
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::search::logic::live::{Answer, Key};
    use ratatui::{Terminal, backend::TestBackend, buffer::Buffer};

    fn screen(state: &State, width: u16, height: u16) -> Buffer {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("memory");
        terminal.draw(|frame| draw(frame, state)).expect("memory");
        terminal.backend().buffer().clone()
    }

    fn lines(buffer: &Buffer) -> String {
        let width = usize::from(buffer.area.width);
        let rows = buffer.content.chunks(width).map(|row| {
            let text: String = row.iter().map(ratatui::buffer::Cell::symbol).collect();
            text.trim_end().to_owned()
        });
        rows.collect::<Vec<_>>().join("\n")
    }

    fn hit(title: &str) -> Hit {
        Hit {
            session: "5e55".to_owned(),
            agent: "claude".to_owned(),
            title: Some(title.to_owned()),
            tag: Some("net-1d33".to_owned()),
            project: Some("shop".to_owned()),
            branches: vec!["main".to_owned()],
            last: Some("2026-05-01T08:30:00Z".to_owned()),
            missing: vec!["jitter".to_owned()],
            resume: Some("claude --resume 5e55".to_owned()),
            ..Hit::default()
        }
    }

    fn state() -> State {
        let (mut state, _) = State::new("retry jitter");
        let row = |title: &str, alive| Row {
            hit: hit(title),
            alive,
        };
        state.answer(Answer::Found {
            number: 1,
            rows: vec![row("wait longer", true), row("evil\u{1b}[2Jtitle\n", false)],
            total: 12,
            unmatched: Vec::new(),
        });
        let moment = |role, snippet: &str, highlights| Moment {
            role,
            at: Some("2026-05-01T08:31:00Z".to_owned()),
            snippet: snippet.to_owned(),
            highlights,
            ..Moment::default()
        };
        let moments = vec![
            moment(
                "human",
                "…make the retry\n\nwait\u{7}\u{202e} longer",
                vec![(10, 15)],
            ),
            Moment {
                tool: Some("Bash".to_owned()),
                ..moment("tool_in", "\tgrep -rn retry src", vec![(10, 15)])
            },
        ];
        let hit = Hit {
            moments,
            ..hit("wait longer")
        };
        state.answer(Answer::Shown {
            number: 1,
            row: 0,
            hit: Box::new(hit),
        });
        state
    }

    #[test]
    fn a_wide_screen_has_the_moments_beside_the_list() {
        insta::assert_snapshot!(lines(&screen(&state(), 110, 16)), @r"
        search: retry jitter                                                                          12 conversations
        2026-05-01 ● wait longer                      │wait longer
        2026-05-01   evil\u{1b}[2Jtitle\n             │claude · net-1d33 · shop · main
                                                      │claude --resume 5e55
                                                      │without: jitter
                                                      │
                                                      │human 2026-05-01 08:31
                                                      │…make the retry
                                                      │wait\u{7}\u{202e} longer
                                                      │
                                                      │tool_in Bash 2026-05-01 08:31
                                                      │    grep -rn retry src
                                                      │
                                                      │
                                                      │
        ↑↓ choose · tab moment · enter open · ^Y copy resume · ^S ask · esc quit
        ");
    }

    #[test]
    fn a_narrow_screen_has_them_below_and_the_second_moment_on_top_once_it_is_chosen() {
        let mut state = state();
        state.key(Key::Next);
        insta::assert_snapshot!(lines(&screen(&state, 60, 12)), @r"
        search: retry jitter                        12 conversations
        2026-05-01 ● wait longer
        2026-05-01   evil\u{1b}[2Jtitle\n
        ────────────────────────────────────────────────────────────
        wait longer
        claude · net-1d33 · shop · main
        claude --resume 5e55
        without: jitter

        tool_in Bash 2026-05-01 08:31
            grep -rn retry src
        ↑↓ choose · tab moment · enter open · ^Y copy resume · ^S as
        ");
    }

    #[test]
    fn words_are_marked_and_no_control_character_reaches_a_cell() {
        let mut state = state();
        state.say("failed: \u{1b}]0;x\u{7}");
        for (width, height) in [(110, 16), (60, 12), (20, 3), (1, 1)] {
            let buffer = screen(&state, width, height);
            let safe = |c: char| !c.is_control() && c != '\u{202e}';
            assert!(
                buffer
                    .content
                    .iter()
                    .all(|cell| cell.symbol().chars().all(safe))
            );
        }
        let buffer = screen(&state, 110, 16);
        let marked = buffer
            .content
            .iter()
            .filter(|cell| cell.fg == Color::Yellow);
        let marked: String = marked.map(ratatui::buffer::Cell::symbol).collect();
        assert_eq!(marked, "retryretry");
    }

    #[test]
    fn a_question_stands_in_the_place_of_the_query() {
        let mut state = state();
        state.key(Key::Ask);
        state.key(Key::Paste("why so long?".into()));
        let buffer = screen(&state, 60, 8);
        assert!(lines(&buffer).starts_with("ask net-1d33: why so long?"));
        let long = "x".repeat(300);
        state.key(Key::Paste(long));
        let mut terminal = Terminal::new(TestBackend::new(60, 8)).expect("memory");
        terminal.draw(|frame| draw(frame, &state)).expect("memory");
        let at = terminal.get_cursor_position().expect("a cursor");
        assert!(at.x < 60 && at.y == 0, "the cursor is seen: {at:?}");
    }
}
