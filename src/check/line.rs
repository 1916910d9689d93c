/// What became of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The figure is within its bound.
    Holds,
    /// It is not, or is not a number.
    Failed,
    /// There is no figure, because all that there was to judge came from something else that failed.
    NotJudged,
}

/// One line of the answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// What was checked: a kernel by its name, or a promise about whole runs.
    pub name: &'static str,
    /// The worst that was measured; NaN where nothing was.
    pub figure: f64,
    /// The most that it may be.
    pub bound: f64,
    /// Whether it is.
    pub verdict: Verdict,
    /// What the figure counts, and where it was worst.
    pub detail: String,
}

impl Check {
    /// `figure` held against `bound`. One that is not a number fails.
    pub fn new(name: &'static str, figure: f64, bound: f64, detail: String) -> Self {
        let verdict = if figure <= bound { Verdict::Holds } else { Verdict::Failed };
        Check { name, figure, bound, verdict, detail }
    }

    /// Whether the figure is within its bound.
    pub fn holds(&self) -> bool {
        self.verdict == Verdict::Holds
    }
}

/// The worst of many measurements of one thing.
#[derive(Debug, Default)]
pub(super) struct Worst {
    figure: f64,
    at: Option<String>,
    judged: u64,
}

impl Worst {
    /// A measurement; one that is not a number is worse than any other.
    pub fn note(&mut self, figure: f64, at: impl FnOnce() -> String) {
        let figure = if figure.is_nan() { f64::INFINITY } else { figure };
        self.judged += 1;
        if self.at.is_none() || figure > self.figure {
            (self.figure, self.at) = (figure, Some(at()));
        }
    }

    /// The answer, with `what` saying what the figure is the largest of, and `things` what was measured.
    pub fn check(self, name: &'static str, bound: f64, what: &str, things: &str) -> Check {
        let Worst { figure, at: Some(at), judged } = self else {
            let detail = "not judged: all that it reads was made wrongly".to_owned();
            return Check { name, figure: f64::NAN, bound, verdict: Verdict::NotJudged, detail };
        };
        let place = if figure > 0.0 { format!(", in {at}") } else { String::new() };
        Check::new(name, figure, bound, format!("{what} of {judged} {things}{place}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_never_passes() {
        for bound in [0.0, 1.0, f64::INFINITY] {
            assert_eq!(Check::new("x", f64::NAN, bound, String::new()).verdict, Verdict::Failed);
        }
        let mut worst = Worst::default();
        worst.note(f64::NAN, || "here".to_owned());
        worst.note(1.0, || "there".to_owned());
        let check = worst.check("x", 2.0, "error", "states");
        assert_eq!((check.verdict, check.detail.as_str()), (Verdict::Failed, "error of 2 states, in here"));
        assert_eq!(Worst::default().check("x", 2.0, "error", "states").verdict, Verdict::NotJudged);
    }
}
