//! Compares recomputed states bit by bit with those of the forward pass.

use std::hash::{DefaultHasher, Hasher};

use crate::device::Device;
use crate::execute::{Backend, Work};
use crate::model::Network;
use crate::plan::{Action, Op, Operand, Plan, Value};
use crate::{Error, Result};

/// Compares each recomputed state of a plan with its first computation.
///
/// It keeps a 64-bit hash of each sample's row instead of the state: `8 · samples` bytes on the host for every recomputed
/// layer, where the state takes `4 · samples · width`. Reading states back waits for the device, so a verified run is
/// slower; its results are the same.
pub struct Verifier {
    samples: usize,
    /// Width of each state, `s_0` first.
    widths: Vec<usize>,
    /// For each layer, `true` if its output is recomputed.
    recomputed: Vec<bool>,
    /// For each layer, the hashes of its output's rows in the current micro-batch; empty until the output is computed.
    digests: Vec<Vec<u64>>,
    compared: u64,
}

/// A device whose recomputed states a [`Verifier`] compares, for one micro-batch.
pub struct Verified<'a> {
    device: &'a mut dyn Device,
    verifier: &'a mut Verifier,
    step: u64,
    part: usize,
}

impl Verifier {
    /// A verifier for micro-batches of `samples` samples that run `plan`.
    pub fn new(network: &Network, samples: usize, plan: &Plan) -> Self {
        let layers = network.layers().len();
        let mut recomputed = vec![false; layers];
        for run in plan.step.iter().filter_map(Action::run).filter(|run| matches!(run.op, Op::Recompute(_))) {
            for layer in run.writes.iter().filter_map(layer_of) {
                recomputed[layer] = true;
            }
        }
        Verifier {
            samples,
            widths: network.widths().to_vec(),
            recomputed,
            digests: vec![Vec::new(); layers],
            compared: 0,
        }
    }

    /// `true` if the plan recomputes any state.
    pub fn has_work(&self) -> bool {
        self.recomputed.contains(&true)
    }

    /// Recomputed states found bit-identical so far.
    pub fn compared(&self) -> u64 {
        self.compared
    }

    /// Starts micro-batch `part` of step `step`, both counted from 0, on `device`.
    pub fn watch<'a>(&'a mut self, device: &'a mut dyn Device, step: u64, part: usize) -> Verified<'a> {
        for digests in &mut self.digests {
            digests.clear();
        }
        Verified { device, verifier: self, step, part }
    }

    /// Number of elements in the output of `layer`, if it is one to compare.
    fn elements_to_compare(&self, layer: usize) -> Option<usize> {
        self.recomputed[layer].then(|| self.samples * self.widths[layer + 1])
    }

    /// Compares the output `state` of `layer`, `[samples, width]`, with its first computation.
    ///
    /// # Errors
    /// The first sample in which they differ.
    fn compare(&mut self, layer: usize, state: &[f32]) -> Result<(), usize> {
        let rows = state.chunks_exact(self.widths[layer + 1]).map(digest);
        let known = &mut self.digests[layer];
        if known.is_empty() {
            known.extend(rows);
            return Ok(());
        }
        match rows.zip(known).position(|(found, expected)| found != *expected) {
            Some(sample) => Err(sample),
            None => {
                self.compared += 1;
                Ok(())
            }
        }
    }
}

impl Backend for Verified<'_> {
    fn run(&mut self, work: Work) -> Result<()> {
        self.device.run(work)?;
        let (step, part) = (self.step, self.part);
        for operand in work.writes {
            let Some(layer) = layer_of(operand) else { continue };
            let Some(elements) = self.verifier.elements_to_compare(layer) else { continue };
            let state = self.device.read_slot(operand.slot, elements)?;
            let differs = |sample| Error::RecomputeDiffers { layer, step, part, sample };
            self.verifier.compare(layer, &state).map_err(differs)?;
        }
        Ok(())
    }
}

/// The layer whose output `operand` is, if it is a state.
fn layer_of(operand: &Operand) -> Option<usize> {
    match operand.value {
        Value::State(state) => state.checked_sub(1),
        Value::Delta(_) => None,
    }
}

/// A hash of the row's bits: 0 and -0 differ, and NaN equals itself.
fn digest(row: &[f32]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytemuck::cast_slice(row));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Activation, Loss};
    use crate::plan::{Chain, PoolLimits};
    use crate::strategy::Strategy;

    #[test]
    fn one_bit_in_one_sample_is_found() {
        let network = Network::new(&[2; 4], Activation::Tanh, Loss::Quadratic).unwrap();
        let chain = Chain::of(&network, 3).unwrap();
        let plan = Strategy::EveryN(2).plan(&chain, PoolLimits::default(), 0).unwrap();
        let mut verifier = Verifier::new(&network, 3, &plan);
        assert!(verifier.has_work());
        let mut state = [0.5_f32, -1.0, 0.0, f32::NAN, 7.0, 1e-40];
        assert_eq!(verifier.compare(1, &state), Ok(()));
        assert_eq!((verifier.compare(1, &state), verifier.compared()), (Ok(()), 1));
        state[2] = -0.0;
        assert_eq!(verifier.compare(1, &state), Err(1));
        state[2] = 0.0;
        state[5] = f32::from_bits(state[5].to_bits() ^ 1);
        assert_eq!((verifier.compare(1, &state), verifier.compared()), (Err(2), 1));
    }
}
