//! Training, prediction and comparison, on any device.

mod accounts;
mod best;
mod comparison;
mod division;
mod fit;
mod largest;
mod memory;
mod metric;
mod open;
mod over_budget;
mod planner;
mod predictor;
mod range_test;
mod run_planner;
mod scores;
mod start;
mod target;
mod task;
mod timed;
mod trainer;
mod verify;

pub use best::{Best, Selection};
pub use comparison::{Comparison, Contender, Turn};
pub use fit::{Ending, EvaluationRecord, Event, Fit, Report, Resumable};
pub use largest::LargestBatch;
pub use memory::MemoryReport;
pub use metric::Metric;
pub use open::{Found, Machine};
pub use planner::Planned;
pub use predictor::Predictor;
pub use range_test::{Obstacle, RangeStep, RangeTest, RangeTestResult};
pub use run_planner::{Largest, RunPlanner};
pub use scores::{
    ClassAverages, ClassScores, Confused, OneClass, OneOutput, OutputPredictions, Predictions, Scores,
    SplitScores, TopK, ValueScores, has_probabilities, probabilities,
};
pub use start::{Epoch, Evaluation, Start, identity};
pub use target::{Footprint, Target};
pub use task::task;
pub use trainer::Trainer;
pub use verify::{Verified, Verifier};
