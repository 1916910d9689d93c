//! Text from files, made safe for messages.

const MAX_CHARS_SHOWN: usize = 80;
const MOST_NAMED: usize = 8;

/// Shortens `text` and escapes control characters, which could move a terminal's cursor.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for (count, c) in text.chars().enumerate() {
        match c {
            _ if count == MAX_CHARS_SHOWN => {
                shown.push('…');
                break;
            }
            c if c.is_control() => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}

/// The first few of `names`, for messages.
pub(crate) fn some_of(names: &[String]) -> String {
    let mut some = names[..names.len().min(MOST_NAMED)].to_vec();
    if names.len() > some.len() {
        some.push(format!("and {} more", names.len() - some.len()));
    }
    some.join(", ")
}
