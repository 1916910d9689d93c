//! Text from files, made safe for messages.

const MAX_CHARS_SHOWN: usize = 80;

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
