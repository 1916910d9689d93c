use crate::check::{Check, Verdict};

/// Line of one check.
pub fn check(check: &Check) -> String {
    let Check { name, figure, bound, verdict, detail } = check;
    let verdict = match verdict {
        Verdict::Holds => "ok",
        Verdict::Failed => "FAILED",
        Verdict::NotJudged => "NOT JUDGED",
    };
    let bound = number(*bound);
    format!("{name:<14} {:>8} <= {bound:<6}  {verdict:<6}  {detail}", number(*figure))
}

/// Small whole numbers as they are, other numbers with two digits.
fn number(number: f64) -> String {
    match number {
        _ if number.is_nan() => "-".to_owned(),
        _ if number.is_infinite() => "inf".to_owned(),
        _ if number.fract() == 0.0 && number.abs() < 1e9 => format!("{number}"),
        _ => format!("{number:.1e}"),
    }
}
