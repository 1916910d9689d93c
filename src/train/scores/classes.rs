use std::cmp::Reverse;

use serde::Serialize;

use super::has_class_probabilities;
use super::ranking::Ranking;
use super::wide_probabilities;
use crate::model::Loss;

/// Scores of a classification.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassScores {
    /// Share of samples that are classified correctly.
    pub accuracy: f64,
    /// Shares of samples whose class is among the first of the ranking, where there are more classes.
    pub top: Vec<TopK>,
    /// Means over the classes that samples have or are predicted to have.
    #[serde(rename = "macro")]
    pub macro_average: ClassAverages,
    /// Means over the classes, weighted by their samples.
    #[serde(rename = "weighted")]
    pub weighted_average: ClassAverages,
    /// Area under the receiver operating characteristic, of class 1 of two or else the mean over classes, each against the others.
    /// `None` if a class has no sample, or all.
    pub roc_auc: Option<f64>,
    /// Average precision, of class 1 of two or else the mean over classes. `None` if a class has no sample.
    pub average_precision: Option<f64>,
    /// Mean negative logarithm of the probability of the sample's class; `None` if outputs are no probabilities of classes.
    pub log_loss: Option<f64>,
    /// Expected calibration error (Naeini et al. 2015): the mean distance between the probability of the predicted class and the share
    /// of correct predictions, over ten bins of that probability. `None` if outputs are no probabilities of classes.
    pub calibration_error: Option<f64>,
    /// Scores of each class, in the order of their labels.
    pub by_class: Vec<OneClass>,
    /// Number of samples, `[true class, predicted class]`.
    pub confusion: Vec<Vec<u64>>,
}

/// The share of samples whose class is among the first of the ranking.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TopK {
    /// How many of the ranking count.
    pub k: usize,
    /// Share of samples.
    pub accuracy: f64,
}

/// Means of scores over classes.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct ClassAverages {
    /// Mean precision.
    pub precision: f64,
    /// Mean recall.
    pub recall: f64,
    /// Mean F1 score.
    pub f1: f64,
}

/// Scores of one class against the others.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OneClass {
    /// Samples of the class.
    pub samples: u64,
    /// Share of correct ones among samples that are predicted to be of the class; 0 if none are.
    pub precision: f64,
    /// Share of correct ones among samples of the class; 0 if there are none.
    pub recall: f64,
    /// Harmonic mean of precision and recall; 0 if both are.
    pub f1: f64,
    /// Area under the receiver operating characteristic; `None` if no sample, or every sample, is of the class.
    pub roc_auc: Option<f64>,
    /// Average precision; `None` if no sample is of the class.
    pub average_precision: Option<f64>,
}

/// Samples of one class that are predicted to be of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Confused {
    /// Label of the samples' class.
    pub class: usize,
    /// Label of the predicted class.
    pub predicted: usize,
    /// Number of samples.
    pub samples: u64,
}

/// Lengths of rankings whose accuracy is told.
const TOP: [usize; 3] = [2, 3, 5];
/// Bins of the calibration error.
const BINS: usize = 10;

impl ClassScores {
    /// Scores `outputs`, `[samples, width]`, of a network trained with `loss` against the classes `labels`, `[samples]`.
    pub(super) fn of(loss: Loss, width: usize, outputs: &[f32], labels: &[usize]) -> Self {
        let classes = classes(width);
        // One output has no softmax.
        let log_sums: Vec<f64> =
            if width > 1 { outputs.chunks_exact(width).map(log_sum).collect() } else { Vec::new() };
        let rows = || outputs.chunks_exact(width).zip(labels.iter().copied());
        let mut confusion = vec![vec![0; classes]; classes];
        for (row, label) in rows() {
            confusion[label][loss.predicted_class(row)] += 1;
        }
        let by_class: Vec<_> =
            (0..classes).map(|class| one_class(class, &confusion, width, &log_sums, rows())).collect();
        let right: u64 = (0..classes).map(|class| confusion[class][class]).sum();
        let occurs =
            |class: &usize| confusion.iter().any(|row| row[*class] > 0) || by_class[*class].samples > 0;
        let all = |_: usize| 1.0;
        let top = TOP.into_iter().filter(|&k| k < width).map(|k| TopK { k, accuracy: top(k, rows()) });
        let mean_of = |score: fn(&OneClass) -> Option<f64>| match width {
            1 | 2 => by_class.last().and_then(score),
            _ => by_class.iter().map(score).sum::<Option<f64>>().map(|sum| sum / classes as f64),
        };
        let are_probabilities = has_class_probabilities(loss, width);
        ClassScores {
            accuracy: right as f64 / labels.len() as f64,
            top: top.collect(),
            macro_average: averages(&by_class, (0..classes).filter(occurs), all),
            weighted_average: averages(&by_class, 0..classes, |class| by_class[class].samples as f64),
            roc_auc: mean_of(|class| class.roc_auc),
            average_precision: mean_of(|class| class.average_precision),
            log_loss: are_probabilities.then(|| log_loss(loss, &log_sums, rows())),
            calibration_error: are_probabilities.then(|| calibration_error(loss, rows())),
            by_class,
            confusion,
        }
    }

    /// The most frequent confusions of two classes, at most `count`, most frequent first; of equally frequent ones, those of
    /// the first class.
    pub fn most_confused(&self, count: usize) -> Vec<Confused> {
        let rows = self.confusion.iter().enumerate();
        let cells = rows.flat_map(|(class, row)| {
            row.iter().enumerate().map(move |(predicted, &samples)| Confused { class, predicted, samples })
        });
        let mut pairs: Vec<_> =
            cells.filter(|pair| pair.class != pair.predicted && pair.samples > 0).collect();
        pairs.sort_by_key(|pair| Reverse(pair.samples));
        pairs.truncate(count);
        pairs
    }
}

/// Number of classes that `width` outputs tell apart.
pub(super) fn classes(width: usize) -> usize {
    width.max(2)
}

/// `log_sums` has the [`log_sum`] of each row, if there are several outputs.
fn one_class<'a>(
    class: usize,
    confusion: &[Vec<u64>],
    width: usize,
    log_sums: &[f64],
    rows: impl Iterator<Item = (&'a [f32], usize)>,
) -> OneClass {
    let right = confusion[class][class] as f64;
    let samples: u64 = confusion[class].iter().sum();
    let predicted: u64 = confusion.iter().map(|row| row[class]).sum();
    let share = |of: u64| if of == 0 { 0.0 } else { right / of as f64 };
    let (precision, recall) = (share(predicted), share(samples));
    // One output is the larger, the likelier class 1 is. Two are compared with each other.
    let number = |sample: usize, row: &[f32]| match (width, class) {
        (1, 0) => -f64::from(row[0]),
        (1, _) => f64::from(row[0]),
        (2, _) => f64::from(row[class]) - f64::from(row[1 - class]),
        _ => relative(row, class, log_sums[sample]),
    };
    let ranking =
        Ranking::of(rows.enumerate().map(|(sample, (row, label))| (number(sample, row), label == class)));
    OneClass {
        samples,
        precision,
        recall,
        f1: if right == 0.0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) },
        roc_auc: ranking.roc_auc(),
        average_precision: ranking.average_precision(),
    }
}

/// The output of `class`, less `log_sum`, the logarithm of the sum of all exponentials: ranks samples as the softmax does, without rounding
/// different probabilities to one number.
fn relative(row: &[f32], class: usize, log_sum: f64) -> f64 {
    f64::from(row[class]) - log_sum
}

/// Logarithm of the sum of the exponentials of `row`.
fn log_sum(row: &[f32]) -> f64 {
    let most = row.iter().copied().map(f64::from).fold(f64::NEG_INFINITY, f64::max);
    most + row.iter().map(|&logit| (f64::from(logit) - most).exp()).sum::<f64>().ln()
}

fn averages(
    by_class: &[OneClass],
    classes: impl Iterator<Item = usize>,
    weight: impl Fn(usize) -> f64,
) -> ClassAverages {
    let (mut sums, mut weights) = (ClassAverages::default(), 0.0);
    for class in classes {
        let (OneClass { precision, recall, f1, .. }, weight) = (by_class[class], weight(class));
        sums.precision += weight * precision;
        sums.recall += weight * recall;
        sums.f1 += weight * f1;
        weights += weight;
    }
    let ClassAverages { precision, recall, f1 } = sums;
    ClassAverages { precision: precision / weights, recall: recall / weights, f1: f1 / weights }
}

/// Share of samples whose class has one of the `k` largest outputs; of equal ones, the first are.
fn top<'a>(k: usize, rows: impl Iterator<Item = (&'a [f32], usize)>) -> f64 {
    let (mut found, mut samples) = (0, 0);
    for (row, label) in rows {
        let is_before =
            |(unit, &output): (usize, &f32)| output > row[label] || (output == row[label] && unit < label);
        found += usize::from(row.iter().enumerate().filter(|&pair| is_before(pair)).count() < k);
        samples += 1;
    }
    found as f64 / samples as f64
}

fn log_loss<'a>(
    loss: Loss,
    log_sums: &[f64],
    rows: impl ExactSizeIterator<Item = (&'a [f32], usize)>,
) -> f64 {
    let samples = rows.len() as f64;
    let surprise = |(sample, (row, label)): (usize, (&[f32], usize))| match (loss, label) {
        // −ln σ(a) = ln(1 + e^−a)
        (Loss::BinaryCrossEntropy, 1) => log_of_one_plus_exponential(-f64::from(row[0])),
        (Loss::BinaryCrossEntropy, _) => log_of_one_plus_exponential(row[0].into()),
        _ => -relative(row, label, log_sums[sample]),
    };
    rows.enumerate().map(surprise).sum::<f64>() / samples
}

fn log_of_one_plus_exponential(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p()
}

fn calibration_error<'a>(loss: Loss, rows: impl ExactSizeIterator<Item = (&'a [f32], usize)>) -> f64 {
    let samples = rows.len() as f64;
    let mut bins = [(0.0, 0.0); BINS];
    for (row, label) in rows {
        let class = loss.predicted_class(row);
        let confidence = wide_probabilities(loss, row)[class];
        // Each bin has its upper end.
        let bin = ((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
        bins[bin].0 += confidence;
        bins[bin].1 += f64::from(u8::from(class == label));
    }
    bins.iter().map(|(confidence, right)| (confidence - right).abs()).sum::<f64>() / samples
}
