/// Normalisation of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Normalisation {
    /// Layer normalisation (Ba et al. 2016), with gain and shift.
    Layer,
    /// Layer normalisation without them.
    PlainLayer,
    /// RMS normalisation (Zhang & Sennrich 2019), with gain.
    Rms,
    /// RMS normalisation without gain.
    PlainRms,
}

impl Normalisation {
    /// Every normalisation, with its name.
    pub const ALL: [(Normalisation, &str); 4] = [
        (Normalisation::Layer, "layer"),
        (Normalisation::PlainLayer, "plain-layer"),
        (Normalisation::Rms, "rms"),
        (Normalisation::PlainRms, "plain-rms"),
    ];

    /// The normalisation of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|&(_, own)| own == name).map(|(normalisation, _)| normalisation)
    }
}

/// `(s − mean) / √(variance + 1e-5)` for a sample `row` `[width]`.
pub fn layer_norm(row: &[f64]) -> Vec<f64> {
    let (mean, spread) = (mean(row), spread(row));
    row.iter().map(|s| (s - mean) / spread).collect()
}

/// `√(variance + 1e-5)` over the values of a sample `row` `[width]`.
pub fn spread(row: &[f64]) -> f64 {
    let centre = mean(row);
    let squares: Vec<f64> = row.iter().map(|s| (s - centre) * (s - centre)).collect();
    (mean(&squares) + 1e-5).sqrt()
}

/// `s / √(mean square + 1e-5)` for a sample `row` `[width]`.
pub fn rms_norm(row: &[f64]) -> Vec<f64> {
    let size = size(row);
    row.iter().map(|s| s / size).collect()
}

/// `√(mean square + 1e-5)` over the values of a sample `row` `[width]`.
pub fn size(row: &[f64]) -> f64 {
    let squares: Vec<f64> = row.iter().map(|s| s * s).collect();
    (mean(&squares) + 1e-5).sqrt()
}

fn mean(row: &[f64]) -> f64 {
    row.iter().sum::<f64>() / row.len() as f64
}

/// Gradients with respect to a sample `row`, from `gradients` with respect to its normalised values `n`:
/// `∂n_j / ∂s_i = (δ_ij − 1 / width − n_i · n_j / width) / spread`, entry by entry.
pub fn through_layer_norm(row: &[f64], gradients: &[f64]) -> Vec<f64> {
    through(1.0, spread(row), &layer_norm(row), gradients)
}

/// The same of RMS normalisation: `∂n_j / ∂s_i = (δ_ij − n_i · n_j / width) / size`.
pub fn through_rms_norm(row: &[f64], gradients: &[f64]) -> Vec<f64> {
    through(0.0, size(row), &rms_norm(row), gradients)
}

/// `Σ_j gradients_j · (δ_ij − (centred + n_i · n_j) / width) / divisor` for each value `n_i` of `normalised`.
fn through(centred: f64, divisor: f64, normalised: &[f64], gradients: &[f64]) -> Vec<f64> {
    let mut through = gradients.to_vec();
    for (gradient, n_j) in gradients.iter().zip(normalised) {
        let share = gradient / normalised.len() as f64;
        for (sum, n_i) in through.iter_mut().zip(normalised) {
            *sum -= share * (centred + n_i * n_j);
        }
    }
    through.iter().map(|sum| sum / divisor).collect()
}
