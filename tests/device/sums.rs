//! Sums have one order under every tiling of products; so have those of states and deltas in layers that run together.

use std::path::Path;
use std::sync::Arc;

use crate::common::changed;
use crate::devices::{self, FAST, SHORT};
use ckpt_gpu::config::{Settings, Widths};
use ckpt_gpu::data::{Dataset, LoadOptions};
use ckpt_gpu::gpu::{Context, Tile};
use ckpt_gpu::model::{Activation, Parameters};
use ckpt_gpu::train::{Machine, Trainer};

fn blobs(recipe: &str) -> Arc<Dataset> {
    Arc::new(Dataset::load_with(Path::new(recipe), &LoadOptions::default()).unwrap())
}

#[test]
fn software_gives_the_same_bits_in_short_tiles() {
    let context = devices::software();
    let subgroup = context.limits().subgroups.then_some(Tile::Subgroup);
    same_bits(&context, [FAST].into_iter().chain(SHORT).chain(subgroup));
}

#[test]
fn software_gives_the_same_bits_in_all_tiles() {
    let context = devices::software();
    same_bits(&context, context.tiles());
}

fn same_bits(context: &Context, tiles: impl Iterator<Item = Tile>) {
    let data = blobs("synthetic:blobs,features=784,classes=10,samples=450");
    let settings = changed(Settings::notebook(), |s| {
        s.network.layers = Widths(vec![784, 150, 37, 130, 10]);
        s.batching.batch = 70;
        s.optimization.steps = Some(3);
        s.placement.fused = false;
    });
    let parameters = Parameters::normal(&settings.network.build().unwrap(), 4);
    let weights = |tile| {
        let machine = Machine::Gpu(Box::new(context.clone().with_tile(tile)));
        let mut trainer = Trainer::on(&machine, &settings, &data, &parameters).unwrap();
        while !trainer.is_done() {
            trainer.epoch(|_| ()).unwrap();
        }
        trainer.parameters().unwrap().sha256()
    };
    let all: Vec<_> = tiles.map(|tile| (tile, weights(tile))).collect();
    assert!(all.len() > 3 && all.iter().all(|(_, hash)| *hash == all[0].1), "{all:#?}");
}

/// Layer 0 is too wide to be fused: its gradients show the deltas of the layers above, and the loss shows their states.
#[test]
fn software_gives_the_same_states_and_deltas_in_fused_layers() {
    let data = blobs("synthetic:blobs,features=150,classes=5,samples=90");
    for (activation, residual) in [(Activation::Tanh, false), (Activation::Gelu, true)] {
        let settings = changed(Settings::default(), |s| {
            s.network.layers = Widths(vec![150, 30, 30, 30, 5]);
            (s.network.activation, s.network.residual) = (activation, residual);
            s.batching.batch = 37;
            s.optimization.steps = Some(1);
        });
        let parameters = Parameters::normal(&settings.network.build().unwrap(), 4);
        let machine = Machine::Gpu(Box::new(devices::software()));
        let step = |fused| {
            let settings = changed(settings.clone(), |s| s.placement.fused = fused);
            let mut trainer = Trainer::on(&machine, &settings, &data, &parameters).unwrap();
            let loss = trainer.epoch(|_| ()).unwrap().loss;
            let first = trainer.parameters().unwrap().layers.swap_remove(0);
            (loss.to_bits(), first.weights, first.bias)
        };
        let unfused = step(false);
        assert_ne!(unfused.1, parameters.layers[0].weights);
        assert_eq!(step(true), unfused, "{activation:?}");
    }
}
