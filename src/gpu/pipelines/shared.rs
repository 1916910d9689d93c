//! Numbers that host and kernels agree on.

use super::immediates;
use crate::model::{Activation, Loss, Normalisation, Optimizer};

/// Samples whose gradients are summed in one part of the batch. Sums, and with them the bits of a run, depend on it.
pub const PART_SAMPLES: usize = 256;
/// Samples whose terms for the gradients of gain and shift are added first. It divides [`PART_SAMPLES`].
pub const NORM_SAMPLES: usize = 4;
/// In place of an offset in the table of thin layers: the value is not in the pool.
pub const NOWHERE: u32 = u32::MAX;

/// The layer applies the network's function to its input.
pub const LOADS: u32 = 1;
/// The layer applies the network's function to its product.
pub const STORES: u32 = 2;
/// The layer adds its input to its output.
pub const ADDS_INPUT: u32 = 4;

/// The layer has dropout.
pub const DROPS: u32 = 8;
/// The layer normalises its input.
pub const NORMALISES: u32 = 16;

/// Flags of the table of thin layers by their names in WGSL.
const LAYER_FLAGS: [(&str, u32); 5] = [
    ("LOADS", LOADS),
    ("STORES", STORES),
    ("ADDS_INPUT", ADDS_INPUT),
    ("DROPS", DROPS),
    ("NORMALISES", NORMALISES),
];

/// WGSL constants: the codes of activation functions, loss functions and optimizers, the flags of thin layers and
/// micro-batches, and values that the host uses too.
pub fn constants() -> String {
    let activations = Activation::ALL.map(|activation| (activation.name(), activation as u32));
    let losses = Loss::ALL.map(|loss| (loss.name(), loss as u32));
    let optimizers = Optimizer::ALL.map(|optimizer| (optimizer.name(), optimizer as u32));
    let flags = LAYER_FLAGS.into_iter().chain(immediates::FLAGS);
    let codes = activations.into_iter().chain(losses).chain(optimizers).chain(flags);
    let codes = codes.map(|(name, code)| format!("const {} = {code}u;\n", constant_name(name)));
    let leak = format!("const LEAK = {:?};\n", Activation::LEAK);
    let epsilon = format!("const NORM_EPSILON = {:?};\n", Normalisation::EPSILON);
    let samples = format!("const PART_SAMPLES = {PART_SAMPLES}u;\nconst NORM_SAMPLES = {NORM_SAMPLES}u;\n");
    let of_table = format!("const NOWHERE = {NOWHERE}u;\n");
    codes.chain([leak, epsilon, samples, of_table]).collect()
}

/// `LEAKY_RELU` for `leaky-relu`.
fn constant_name(name: &str) -> String {
    name.to_uppercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_have_one_value_each() {
        let constants = constants();
        let names: Vec<_> = constants.lines().filter_map(|line| line.split(' ').nth(1)).collect();
        let distinct: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len(), "{constants}");
        assert!(constants.contains("const LEAKY_RELU = 3u;\n") && constants.contains("const LEAK = 0.01;\n"));
    }
}
