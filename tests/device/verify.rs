//! `train --verify-recompute`: recomputed states are bit-identical; training stops at the first that is not, and names it.

use std::sync::Arc;

use crate::common::{Random, changed};
use crate::devices;
use crate::program::{Folder, SMALL};
use ckpt_gpu::config::{DeviceChoice, Settings, Widths};
use ckpt_gpu::cpu::{Cpu, Footprint};
use ckpt_gpu::data::{Dataset, EvaluatedOn, Inputs, Pass, Split};
use ckpt_gpu::device::{Accumulation, Device, DeviceInfo, Initial, Inspect, Job, Metrics, Piece, Values};
use ckpt_gpu::execute::{Backend, Work, execute};
use ckpt_gpu::memory::{Ledger, LiveMeter};
use ckpt_gpu::model::{Parameters, StepParams};
use ckpt_gpu::plan::{Action, Chain, Op, PoolLimits, Run, SlotId};
use ckpt_gpu::strategy::Strategy;
use ckpt_gpu::train::{Machine, Trainer, Verifier, task};
use ckpt_gpu::{Error, Result};

const LAYERS: usize = 7;
const BATCH: usize = 12;

fn settings() -> Settings {
    let layers = Widths(vec![9, 7, 8, 5, 12, 6, 7, 3]);
    changed(Settings::notebook(), |s| {
        s.network.layers = layers;
        s.batching.batch = BATCH;
        s.optimization.steps = Some(2);
        s.optimization.lr = 0.5;
        s.diagnostics.verify_recompute = true;
    })
}

fn random_data(random: &mut Random) -> Arc<Dataset> {
    let mut split = |samples: usize| {
        let values = (0..samples * 9).map(|_| random.normal()).collect();
        let labels = (0..samples).map(|_| random.below(3) as u32).collect::<Vec<_>>();
        Split::new(9, Inputs::F32(values), labels).unwrap()
    };
    Arc::new(Dataset {
        source: "random".into(),
        train: split(2 * BATCH),
        test: split(5),
        evaluated_on: EvaluatedOn::Test,
    })
}

/// The hash of the trained parameters, and the number of states compared.
fn train(
    machine: &Machine,
    settings: &Settings,
    data: &Arc<Dataset>,
    parameters: &Parameters,
) -> (String, Option<u64>) {
    let mut trainer = Trainer::on(machine, settings, data, parameters).unwrap();
    trainer.epoch(|_| ()).unwrap();
    (trainer.parameters().unwrap().sha256(), trainer.verifier().map(Verifier::compared))
}

fn verified_training_is_the_same(machine: &Machine) {
    let mut random = Random::new(3);
    let data = random_data(&mut random);
    let parameters = random.parameters(&settings().network.build().unwrap());
    for micro_batch in [None, Some(4)] {
        let settings = changed(settings(), |s| s.batching.micro_batch = micro_batch);
        let network = settings.network.build().unwrap();
        let task = task(&settings, &network, data.shape());
        let least = match machine.target().plan(Strategy::Budget(1), &task, settings.placement.dataset) {
            Err(Error::OverBudget { least, .. }) => least,
            other => panic!("{other:?}"),
        };
        let every = (0..=LAYERS).map(Strategy::EveryN);
        let budgets = [least, least + 300, 1 << 30].map(Strategy::Budget);
        for strategy in every.chain(budgets) {
            let settings = changed(settings.clone(), |s| s.placement.strategy = strategy);
            let (hash, compared) = train(machine, &settings, &data, &parameters);
            let unverified = changed(settings.clone(), |s| s.diagnostics.verify_recompute = false);
            assert_eq!(train(machine, &unverified, &data, &parameters), (hash, None), "{strategy}");

            let plan = machine.target().plan(strategy, &task, settings.placement.dataset).unwrap().plan;
            let recomputed = plan.prediction.recomputed_layers * 2 * BATCH / settings.batching.micro_batch();
            assert_eq!(compared, Some(recomputed as u64), "{strategy}: each recomputed state once");
        }
    }
}

#[test]
fn cpu_training_is_the_same_when_it_is_verified() {
    verified_training_is_the_same(&Machine::Cpu);
}

#[test]
fn software_training_is_the_same_when_it_is_verified() {
    verified_training_is_the_same(&devices::machine(DeviceChoice::Software));
}

/// A forward kernel whose result depends on the previous value of its slot.
#[test]
fn software_forward_that_reads_its_slot_is_found() {
    let sound = include_str!("../../shaders/chain_states.wgsl");
    let held = "answers[layer.answer - run.write_from + (top + row_of(id, 0u)) * layer.outputs]";
    let broken = sound.replace("sums[0] + bias,", &format!("sums[0] + bias + 0.001 * {held},"));
    assert_ne!(broken, sound);
    let context = devices::software().with_shader("chain_states", &broken).unwrap();
    let machine = Machine::Gpu(Box::new(context));
    let mut random = Random::new(3);
    let data = random_data(&mut random);
    let settings = changed(settings(), |s| {
        s.placement.strategy = Strategy::EveryN(3);
        s.placement.fused = false;
    });
    let parameters = random.parameters(&settings.network.build().unwrap());
    let outcome = Trainer::on(&machine, &settings, &data, &parameters).unwrap().epoch(|_| ());
    assert!(matches!(outcome, Err(Error::RecomputeDiffers { step: 0, part: 0, .. })), "{outcome:?}");
    assert_eq!(outcome.unwrap_err().exit_code(), 1);
}

/// The CPU backend with one wrong bit in one sample, every second time that one layer runs forward.
struct Flipped {
    sound: Cpu,
    layer: usize,
    sample: usize,
    width: usize,
    makings: usize,
    last: usize,
}

impl Backend for Flipped {
    fn run(&mut self, work: Work) -> Result<()> {
        if let Op::Forward(layers) = work.op {
            self.last = layers.last();
            self.makings += usize::from(self.last == self.layer);
        }
        self.sound.run(work)
    }
}

impl Device for Flipped {
    fn info(&self) -> DeviceInfo {
        self.sound.info()
    }

    fn swap_average(&mut self) -> Result<()> {
        self.sound.swap_average()
    }

    fn begin_pass(&mut self, pass: Pass, skip: usize, step_params: &[StepParams]) -> Result<()> {
        self.sound.begin_pass(pass, skip, step_params)
    }

    fn begin_batch(&mut self, accumulation: Accumulation) -> Result<()> {
        self.sound.begin_batch(accumulation)
    }

    fn end_batch(&mut self) -> Result<()> {
        self.sound.end_batch()
    }

    fn end_pass(&mut self) -> Result<Metrics> {
        self.sound.end_pass()
    }

    fn read(&mut self, values: Values, take: &mut dyn FnMut(Piece) -> Result<()>) -> Result<()> {
        self.sound.read(values, take)
    }

    fn into_parameters(self: Box<Self>) -> Result<Parameters> {
        Box::new(self.sound).into_parameters()
    }
}

impl Inspect for Flipped {
    fn read_slot(&mut self, slot: SlotId, elements: usize) -> Result<Vec<f32>> {
        let mut values = self.sound.read_slot(slot, elements)?;
        if self.last == self.layer && self.makings.is_multiple_of(2) {
            let value = &mut values[self.sample * self.width + self.width - 1];
            *value = f32::from_bits(value.to_bits() ^ 1);
        }
        Ok(values)
    }

    fn objects_made(&self) -> u64 {
        self.sound.objects_made()
    }
}

/// The result of a step with a wrong bit, and `true` if the layer is recomputed.
fn flipped_run(layer: usize, sample: usize) -> (Result<()>, bool) {
    let mut random = Random::new(8);
    let data = random_data(&mut random);
    let settings = settings();
    let network = settings.network.build().unwrap();
    let chain = Chain::of(&network, BATCH).unwrap();
    let plan = Strategy::EveryN(3).plan(&chain, PoolLimits::default(), 0).unwrap();
    let again = |run: &Run| matches!(run.op, Op::Recompute(layers) if layers.range().contains(&layer));
    let is_again = plan.step.iter().filter_map(Action::run).any(again);
    let parameters = random.parameters(&network);
    let task = task(&settings, &network, data.shape());
    let mut initial = Initial::from(parameters);
    let mut job = Job { task, data: &data, plan: &plan, initial: &mut initial };
    let sound = Cpu::new(&mut job, Footprint::new(&task), &Ledger::new()).unwrap();
    let width = network.widths()[layer + 1];
    let mut device = Flipped { sound, layer, sample, width, makings: 0, last: 0 };
    let mut verifier = Verifier::new(&network, BATCH, &plan);
    device.begin_pass(Pass::InOrder, 0, &[]).unwrap();
    device.begin_batch(Accumulation::Whole).unwrap();
    let mut meter = LiveMeter::new(plan.slots.len());
    (execute(&plan.chain, &plan.step, &mut verifier.watch(&mut device, 41, 2), &mut meter), is_again)
}

#[test]
fn one_wrong_bit_is_named_by_layer_step_and_sample() {
    let mut found = 0;
    for layer in 0..LAYERS {
        for sample in [0, 5, BATCH - 1] {
            let (outcome, is_again) = flipped_run(layer, sample);
            if !is_again {
                outcome.unwrap();
                continue;
            }
            let expected = (layer, 41, 2, sample);
            assert!(
                matches!(outcome, Err(Error::RecomputeDiffers { layer, step, part, sample })
                    if (layer, step, part, sample) == expected),
                "{outcome:?}, expected {expected:?}"
            );
            found += 1;
        }
    }
    assert_eq!(found, 3 * 4, "layers 0, 1, 3 and 4 are recomputed");
}

#[test]
fn the_command_reports_how_many_states_it_compared() {
    let folder = Folder::new();
    for (device, steps) in [("cpu", 3), ("software", 3)] {
        let arguments = format!("{SMALL} --device {device} --every 3");
        let run = folder.run(&format!("train --verify-recompute {arguments}")).succeeded();
        assert!(run.stderr.contains(&format!("{} recomputed states compared", 2 * steps)), "{run:#?}");
        assert_eq!(folder.hash(&format!("--verify-recompute {arguments}")), folder.hash(&arguments));
        let run = folder.run(&format!("train --verify-recompute {SMALL} --device {device}")).succeeded();
        assert!(run.stderr.contains("nothing is recomputed"), "{run:#?}");
    }
}
