//! Fits an image with a network of sines, all pixels in every step, in less and less memory.
//!
//! A neural field (SIREN, Sitzmann et al. 2020) is a network that maps coordinates to colours. This one has 62,787 parameters,
//! 250 KB, while a step with all pixels of a small image makes 67 MB of states, and keeps them for its way back. So these decide
//! how large an image a device can take. The same network is trained with all of them kept, then in a half and in a third of
//! the bytes, which changes no bit of it, and in eight micro-batches, which rounds its sums in other places.
//!
//! ```console
//! $ cargo run --release --example neural_field
//! 128×128 pixels, 2,64x16,3, 300 steps on AMD EPYC
//!           planned bytes  counted bytes  layers run again  ms a step  PSNR, dB  bits
//! keep all       76876628       76876628                 0         50     29.29  the same
//! a half         34933588       34933588                10         55     29.29  the same
//! a third        22350676       22350676                30         69     29.29  the same
//! 8 parts        10608736       10608736                 0         47     29.29  others
//! ```
//!
//! That was measured on 2 CPU cores. With an image of your own, and what the network makes of it:
//!
//! ```console
//! $ cargo run --release --example neural_field -- --image photo.ppm --steps 1000 --out field.ppm
//! ```

mod image;

use std::path::PathBuf;
use std::sync::Arc;

use ckpt_gpu::Result;
use ckpt_gpu::config::{Batching, DeviceChoice, NetworkSettings, Optimization, Placement, Settings, Widths};
use ckpt_gpu::model::{Activation, Decay, Loss, Parameters, Schedule};
use ckpt_gpu::strategy::Strategy;
use ckpt_gpu::train::{Machine, Predictor, Trainer};
use clap::Parser;
use image::Image;

#[derive(Parser)]
pub struct Args {
    /// A binary PPM with 8 bits a colour; without it, an image is made
    #[arg(long)]
    image: Option<PathBuf>,
    /// The width and height of the image that is made
    #[arg(long, default_value_t = 128)]
    size: usize,
    #[arg(long, default_value_t = 300)]
    steps: u64,
    /// Where to train
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
    /// Where to write the image that the network draws, as a PPM
    #[arg(long)]
    out: Option<PathBuf>,
}

/// One training.
pub struct Row {
    pub counted_bytes: u64,
    pub layers_again: usize,
    /// Peak signal-to-noise ratio, in dB.
    pub psnr: f32,
    pub parameters: Parameters,
}

fn main() -> Result<()> {
    run(&Args::parse()).map(|_| ())
}

pub fn run(args: &Args) -> Result<Vec<Row>> {
    let image = args.image.as_deref().map_or_else(|| Ok(Image::rings(args.size)), Image::read)?;
    let data = Arc::new(image.dataset()?);
    let pixels = data.train.len();
    let machine = Machine::find(args.device)?.machine;
    let settings = Settings {
        network: NetworkSettings {
            layers: Widths([vec![2], vec![64; 16], vec![3]].concat()),
            activation: Activation::Sine,
            residual: false,
            loss: Loss::Mse,
            ..NetworkSettings::default()
        },
        optimization: Optimization {
            lr: 3e-3,
            schedule: Schedule { decay: Decay::Cosine, warm_up: args.steps / 10, ..Schedule::default() },
            steps: Some(args.steps),
            shuffle: false,
            ..Optimization::default()
        },
        batching: Batching { batch: pixels, ..Batching::default() },
        placement: Placement { strategy: Strategy::StoreAll, ..Placement::default() },
        ..Settings::default()
    };
    let all = machine.plan(&settings, data.shape())?.bytes().total();
    let within = |bytes| {
        let placement = Placement { strategy: Strategy::Budget(bytes), ..settings.placement };
        Settings { placement, ..settings.clone() }
    };
    let parts = (8..pixels).find(|parts| pixels.is_multiple_of(*parts)).unwrap_or(1);
    let batching = Batching { batch: pixels, micro_batch: Some(pixels / parts), ..Batching::default() };
    let in_parts = Settings { batching, ..settings.clone() };

    let device = machine.info().name;
    println!(
        "{}×{} pixels, {}, {} steps on {device}",
        image.width, image.height, settings.network.layers, args.steps
    );
    println!("          planned bytes  counted bytes  layers run again  ms a step  PSNR, dB  bits");
    let start = settings.initial_parameters()?;
    let mut rows: Vec<Row> = Vec::new();
    for (name, settings) in [
        ("keep all", settings.clone()),
        ("a half", within(all / 2)),
        ("a third", within(all / 3)),
        (&format!("{parts} parts"), in_parts),
    ] {
        let mut trainer = Trainer::on(&machine, &settings, &data, &start)?;
        trainer.train_to_end(args.steps, |_, _| ())?;
        let memory = trainer.memory();
        assert!(memory.agrees(), "{name}: planned and counted bytes differ: {memory:?}");
        let row = Row {
            counted_bytes: memory.counted.total(),
            layers_again: trainer.plan().prediction.recomputed_layers,
            // Colours are from -1 to 1, so the peak is 2.
            psnr: 10.0 * (4.0 / trainer.evaluate()?.loss).log10(),
            parameters: trainer.parameters()?,
        };
        let is_same = rows.first().is_none_or(|first| row.parameters == first.parameters);
        assert!(is_same || settings.batching.micro_batch.is_some(), "{name} trained another network");
        println!(
            "{name:<9} {:>13}  {:>13}  {:>16}  {:>9.0}  {:>8.2}  {}",
            memory.planned.total(),
            row.counted_bytes,
            row.layers_again,
            1e3 * trainer.training_time().as_secs_f64() / args.steps as f64,
            row.psnr,
            if is_same { "the same" } else { "others" },
        );
        rows.push(row);
    }
    if let Some(path) = &args.out {
        let mut parameters = rows[0].parameters.clone();
        let network = settings.network.build()?;
        let mut field = Predictor::on(&machine, &network, &mut parameters, &data, image.width)?;
        Image { rgb: field.outputs()?, ..image }.write(path)?;
    }
    Ok(rows)
}
