use crate::check::Check;
use crate::check::line::Worst;
use crate::check::reference::relative_error;
use crate::check::twin::norm;

/// Relative to the scale of the result. Sums of a few hundred f32 products stay well below: the worst seen of any kernel was
/// 9e-7, on the CPU, lavapipe and SwiftShader alike.
const TOLERANCE: f64 = 2e-6;

/// For states of thin layers that run together, whose errors accumulate.
const CHAIN_TOLERANCE: f64 = 5e-6;

/// For a whole step, whose errors pass through several layers. The worst seen was 3e-6, on SwiftShader.
const STEP_TOLERANCE: f64 = 1e-5;

/// A kernel, or whole steps, to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    Gather,
    Forward,
    Loss,
    Tally,
    Delta,
    Update,
    Accumulate,
    Score,
    ChainForward,
    ChainDelta,
    ChainUpdate,
    ChainAccumulate,
    Dropout,
    Step,
}

/// How a subject is reported.
struct Line {
    name: &'static str,
    /// Largest acceptable figure.
    bound: f64,
    /// What the figure is the worst of.
    figure: &'static str,
    /// What was measured.
    things: &'static str,
}

impl Subject {
    const ALL: [Subject; 14] = [
        Subject::Gather,
        Subject::Forward,
        Subject::Loss,
        Subject::Tally,
        Subject::Delta,
        Subject::Update,
        Subject::Accumulate,
        Subject::Score,
        Subject::ChainForward,
        Subject::ChainDelta,
        Subject::ChainUpdate,
        Subject::ChainAccumulate,
        Subject::Dropout,
        Subject::Step,
    ];

    const CHAIN: [Subject; 4] =
        [Subject::ChainForward, Subject::ChainDelta, Subject::ChainUpdate, Subject::ChainAccumulate];

    /// Its line in the report.
    fn line(self) -> Line {
        let (error, move_error) = ("largest relative error", "largest error relative to the move");
        let line = |name, bound, figure, things| Line { name, bound, figure, things };
        match self {
            Subject::Gather => line("gather", 0.0, "wrong values in the worst", "batches"),
            Subject::Forward => line("forward", TOLERANCE, error, "states"),
            Subject::Loss => line("loss", TOLERANCE, error, "deltas"),
            Subject::Tally => line("tally", TOLERANCE, error, "mean losses"),
            Subject::Delta => line("delta", TOLERANCE, error, "deltas"),
            Subject::Update => line("update", TOLERANCE, move_error, "tensors"),
            Subject::Accumulate => line("accumulate", TOLERANCE, move_error, "tensors"),
            Subject::Score => line("score", 0.0, "samples miscounted in the worst", "passes"),
            Subject::ChainForward => line("chain forward", CHAIN_TOLERANCE, error, "states"),
            Subject::ChainDelta => line("chain delta", CHAIN_TOLERANCE, error, "deltas"),
            Subject::ChainUpdate => line("chain update", CHAIN_TOLERANCE, move_error, "tensors"),
            Subject::ChainAccumulate => line("chain accumulate", CHAIN_TOLERANCE, move_error, "tensors"),
            Subject::Dropout => {
                line("dropout", CHAIN_TOLERANCE, error, "states, deltas and tensors of layers that drop")
            }
            Subject::Step => line("step", STEP_TOLERANCE, move_error, "tensors"),
        }
    }

    /// Its counterpart for fused layers.
    pub fn of_chain(self) -> Self {
        match self {
            Subject::Forward => Subject::ChainForward,
            Subject::Delta => Subject::ChainDelta,
            Subject::Update => Subject::ChainUpdate,
            Subject::Accumulate => Subject::ChainAccumulate,
            _ => self,
        }
    }

    /// Share of a result rounded to f32 that is added to the scale of its error, so that rounding alone stays below the bound.
    pub fn rounding(self) -> f64 {
        f64::from(f32::EPSILON) / self.line().bound
    }
}

/// The worst measurement of each subject.
#[derive(Default)]
pub(super) struct Findings {
    worst: [Worst; Subject::ALL.len()],
    /// `true` if the device has kernels of thin layers; otherwise those subjects are left out.
    pub has_chains: bool,
    /// `true` if a case has dropout; otherwise that subject is left out.
    pub has_dropout: bool,
}

impl Findings {
    pub fn note(&mut self, subject: Subject, figure: f64, at: impl FnOnce() -> String) {
        self.worst[subject as usize].note(figure, at);
    }

    /// Compares a kernel's result with the expected one, relative to `scale`. An expected result that is not finite in f32 is
    /// not judged: the kernel has read such values, or must overflow.
    pub fn compare(
        &mut self,
        subject: Subject,
        found: &[f32],
        expected: &[f64],
        scale: f64,
        at: impl FnOnce() -> String,
    ) {
        if expected.iter().all(|&value| (value as f32).is_finite()) && scale.is_finite() {
            let difference = relative_error(found, expected) * norm(expected);
            self.note(subject, if difference == 0.0 { 0.0 } else { difference / scale }, at);
        }
    }

    pub fn checks(self) -> Vec<Check> {
        let lines = Subject::ALL.into_iter().zip(self.worst);
        lines
            .filter(|(subject, _)| self.has_chains || !Subject::CHAIN.contains(subject))
            .filter(|(subject, _)| self.has_dropout || *subject != Subject::Dropout)
            .map(|(subject, worst)| {
                let Line { name, bound, figure, things } = subject.line();
                worst.check(name, bound, figure, things)
            })
            .collect()
    }
}
