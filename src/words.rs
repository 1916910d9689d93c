//! Numbers and lists as people read them in messages.

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 layer`, `2 layers`, `1 class`, `2 classes`, for the singular `thing`.
pub(crate) fn counted(count: impl TryInto<u64>, thing: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    let ending = match (count, thing.ends_with('s') || thing.ends_with("ch")) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("{} {thing}{ending}", grouped(count))
}

/// `a, b or c`.
pub(crate) fn either(choices: impl IntoIterator<Item = impl Into<String>>) -> String {
    joined(choices, "or")
}

/// `a, b and c`.
pub(crate) fn both(things: impl IntoIterator<Item = impl Into<String>>) -> String {
    joined(things, "and")
}

fn joined(words: impl IntoIterator<Item = impl Into<String>>, last_by: &str) -> String {
    let words: Vec<String> = words.into_iter().map(Into::into).collect();
    match &words[..] {
        [before @ .., last] if !before.is_empty() => format!("{} {last_by} {last}", before.join(", ")),
        words => words.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_by_three() {
        assert_eq!([0, 999, 1000, 1234567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn one_thing_is_singular() {
        assert_eq!(
            [0, 1, 2000].map(|count: u64| counted(count, "step")),
            ["0 steps", "1 step", "2,000 steps"]
        );
        assert_eq!([1, 2].map(|count: usize| counted(count, "class")), ["1 class", "2 classes"]);
        assert_eq!(counted(3_u32, "training batch"), "3 training batches");
    }

    #[test]
    fn lists_end_in_a_conjunction() {
        assert_eq!(["a"; 1].map(|word| either([word])), ["a"]);
        assert_eq!((either(["a", "b", "c"]), both(["a", "b"])), ("a, b or c".into(), "a and b".into()));
    }
}
