/// Verdict of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The figure is within its bound.
    Holds,
    /// The figure exceeds its bound or is NaN.
    Failed,
    /// There is no figure: every operand came from another kernel that failed.
    NotJudged,
}

/// One check, a line of the report.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// Name of the kernel, or of the promise about whole runs.
    pub name: &'static str,
    /// Worst measurement; NaN if there is none.
    pub figure: f64,
    /// Largest acceptable figure.
    pub bound: f64,
    /// The figure against its bound.
    pub verdict: Verdict,
    /// What the figure measures, and where it was worst.
    pub detail: String,
}

impl Check {
    /// Compares `figure` with `bound`. NaN fails.
    pub fn new(name: &'static str, figure: f64, bound: f64, detail: String) -> Self {
        let verdict = if figure <= bound { Verdict::Holds } else { Verdict::Failed };
        Check { name, figure, bound, verdict, detail }
    }

    /// `true` if the figure is within its bound.
    pub fn holds(&self) -> bool {
        self.verdict == Verdict::Holds
    }
}

/// The worst of many measurements of one kind.
#[derive(Debug, Default)]
pub(super) struct Worst {
    figure: f64,
    at: Option<String>,
    judged: u64,
}

impl Worst {
    /// Adds a measurement; NaN is worse than any other.
    pub fn note(&mut self, figure: f64, at: impl FnOnce() -> String) {
        let figure = if figure.is_nan() { f64::INFINITY } else { figure };
        self.judged += 1;
        if self.at.is_none() || figure > self.figure {
            (self.figure, self.at) = (figure, Some(at()));
        }
    }

    /// The check of these measurements. `what` describes the figure, and `things` is what was measured.
    pub fn check(self, name: &'static str, bound: f64, what: &str, things: &str) -> Check {
        let Worst { figure, at: Some(at), judged } = self else {
            let detail = "not judged: all its operands come from kernels that failed".to_owned();
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
