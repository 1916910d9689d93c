//! Data in file order, and initial parameters.

use std::fs::File;

use burn::tensor::{Device, Tensor, TensorData};
use ndarray::{Array1, Array2, Array3};
use ndarray_npy::NpzReader;

use crate::options::Options;
use crate::{Fallible, Parameters};

/// Inputs `[samples, features]` from 0 to 1, and one-hot labels `[samples, classes]`.
pub struct Batch {
    pub inputs: Tensor<2>,
    pub labels: Tensor<2>,
}

/// Batches of an epoch, or of all steps if these are fewer.
pub fn batches(options: &Options, device: &Device) -> Fallible<Vec<Batch>> {
    let mut file = NpzReader::new(File::open(&options.data)?)?;
    let images: Array3<u8> = file.by_name("x_train")?;
    let labels: Array1<u8> = file.by_name("y_train")?;
    let (images, labels) = (images.into_raw_vec_and_offset().0, labels.into_raw_vec_and_offset().0);
    let (features, classes) = (options.layers[0], options.layers[options.layers.len() - 1]);
    // Constants of the graph, on the device and with the strategy of the parameters.
    let tensor =
        |values: Vec<f32>, width| Tensor::from_data(TensorData::new(values, [options.batch, width]), device);
    let batches = images
        .chunks_exact(options.batch * features)
        .zip(labels.chunks_exact(options.batch))
        .take(options.steps)
        .map(|(images, labels)| {
            let mut one_hot = vec![0.0; options.batch * classes];
            for (sample, &label) in labels.iter().enumerate() {
                one_hot[sample * classes + usize::from(label)] = 1.0;
            }
            let images = images.iter().map(|&byte| f32::from(byte) / 255.0).collect();
            Batch { inputs: tensor(images, features), labels: tensor(one_hot, classes) }
        });
    Ok(batches.collect())
}

/// Trainable parameters W0, b0, … of the file.
pub fn parameters(options: &Options, device: &Device) -> Fallible<Parameters> {
    let mut file = NpzReader::new(File::open(&options.init)?)?;
    let mut parameters = Vec::new();
    for layer in 0..options.layers.len() - 1 {
        let weights: Array2<f32> = file.by_name(&format!("W{layer}"))?;
        let bias: Array1<f32> = file.by_name(&format!("b{layer}"))?;
        let shape = [weights.ncols(), weights.nrows()];
        let weights: Vec<f32> = weights.t().iter().copied().collect();
        let inner = device.clone().inner();
        let weights = Tensor::<2>::from_data(TensorData::new(weights, shape), &inner);
        let bias = Tensor::<1>::from_data(TensorData::new(bias.to_vec(), [bias.len()]), &inner);
        parameters.push((trained(device, weights), trained(device, bias)));
    }
    Ok(parameters)
}

/// `values` as a parameter with gradients, with the device's checkpointing strategy.
pub fn trained<const D: usize>(device: &Device, values: Tensor<D>) -> Tensor<D> {
    let values = values.autodiff();
    match device.gradient_checkpointing_strategy() {
        Some(strategy) => values.with_gradient_checkpointing_strategy(strategy).require_grad(),
        None => values.require_grad(),
    }
}

/// Version of a package in Cargo.lock.
pub fn version_of(package: &str) -> Fallible<&'static str> {
    let name = format!("name = \"{package}\"");
    let mut lines = include_str!("../Cargo.lock").lines().skip_while(|line| *line != name);
    let version = lines.nth(1).and_then(|line| line.strip_prefix("version = "));
    Ok(version.ok_or_else(|| format!("{package} is not in Cargo.lock"))?.trim_matches('"'))
}
