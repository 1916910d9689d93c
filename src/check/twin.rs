//! What the reference computes with, made of what the backends are given.

use super::reference::{self, Reference};
use crate::data::{Split, Targets};
use crate::model::{DropoutKey, LayerParameters, Network, Parameters};
use crate::{Error, Result};

/// `network` at `parameters`, in f64, without dropout. The two sides share nothing but names: of activation functions, losses and
/// normalisations.
///
/// # Errors
/// [`Error::Internal`] if the reference has no function of such a name.
pub(super) fn reference(network: &Network, parameters: &Parameters) -> Result<Reference> {
    let [activation, loss] = [network.activation().name(), network.loss().name()];
    let unknown = |name| Error::internal(format!("the reference has no function named {name}"));
    let normalisation = network.normalisation().map(|normalisation| {
        let name = normalisation.name();
        reference::Normalisation::named(name).ok_or_else(|| unknown(name))
    });
    Ok(Reference {
        widths: network.widths().to_vec(),
        activation: reference::Activation::named(activation).ok_or_else(|| unknown(activation))?,
        residual: network.is_residual(),
        normalisation: normalisation.transpose()?,
        dropout: None,
        loss: reference::Loss::named(loss).ok_or_else(|| unknown(loss))?,
        parameters: parameters.layers.iter().map(self::parameters).collect(),
    })
}

/// Parameters of one layer, in f64.
pub(super) fn parameters(layer: &LayerParameters) -> reference::Parameters {
    let [weights, bias, gain, shift] = layer.tensors().map(|tensor| widen(tensor));
    reference::Parameters { weights, bias, gain, shift }
}

/// The masks of `network` in the step of `key`, for samples of a mini-batch from `first` on.
pub(super) fn dropout(network: &Network, key: DropoutKey, first: usize) -> Option<reference::Dropout> {
    let dropped = network.layers().map(|layer| layer.dropout().map_or(0, |dropout| dropout.dropped()));
    network.has_dropout().then(|| reference::Dropout { dropped: dropped.collect(), key: key.words(), first })
}

/// Targets of `rows` of a split, `[rows, outputs]`.
pub(super) fn targets(split: &Split, outputs: usize, rows: &[u32]) -> Vec<f64> {
    match split.targets() {
        Targets::Classes(labels) => reference::one_hot(&reference::gather(1, labels, rows), outputs),
        Targets::Regression { width, values } => widen(&reference::gather(*width, values, rows)),
    }
}

pub(super) fn widen(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

pub(super) fn norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Activation, Loss, Normalisation};

    #[test]
    fn the_reference_has_every_activation_loss_and_normalisation() {
        for activation in Activation::ALL {
            for loss in Loss::ALL {
                let network = Network::new(&[2, 2], activation, loss).unwrap();
                reference(&network, &Parameters::normal(&network, 1)).unwrap();
            }
        }
        for normalisation in Normalisation::ALL {
            let network = Network::new(&[2, 2, 2], Activation::Relu, Loss::Mse).unwrap();
            let network = network.with_normalisation(Some(normalisation)).unwrap();
            reference(&network, &Parameters::normal(&network, 1)).unwrap();
        }
        assert_eq!(reference::Activation::ALL.len(), Activation::ALL.len());
        assert_eq!(reference::Loss::ALL.len(), Loss::ALL.len());
    }
}
