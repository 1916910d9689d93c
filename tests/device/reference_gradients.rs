//! Checks the f64 reference itself: its gradients against finite differences, its small parts by hand.

use ckpt_gpu::check::reference::{
    Activation, Loss, Normalisation, Parameters, Reference, correct, gather, loss, one_hot, relative_error,
};

/// Half the distance between the two points of a central difference.
const H: f64 = 1e-5;

/// Least distance of a rectifier's pre-activations from zero, so that a change of `H` crosses no kink.
const KINK_MARGIN: f64 = 1e-3;

/// Widths and batch sizes: odd ones, single layers, and a 1 in every place.
const CASES: [(&[usize], usize); 9] = [
    (&[5, 3], 1),
    (&[7, 5, 3], 1),
    (&[7, 5, 3], 9),
    (&[3, 1, 4], 5),
    (&[1, 1, 1], 3),
    (&[1, 6, 1], 1),
    (&[5, 9, 1, 7, 2], 4),
    (&[4, 6, 6, 6, 3], 5),
    (&[4, 3, 5, 3, 5, 3], 7),
];

/// The splitmix64 generator.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// `count` numbers, uniform in [-1.5, 1.5).
    fn values(&mut self, count: usize) -> Vec<f64> {
        (0..count).map(|_| 3.0 * (self.next() >> 11) as f64 / (1_u64 << 53) as f64 - 1.5).collect()
    }
}

/// A network with a batch to train it on.
struct Problem {
    network: Reference,
    x: Vec<f64>,
    targets: Vec<f64>,
}

impl Problem {
    fn random(
        widths: &[usize],
        batch: usize,
        (activation, residual, normalisation): Form,
        loss: Loss,
        seed: u64,
    ) -> Self {
        let mut random = SplitMix(seed);
        let classes = widths[widths.len() - 1] as u64;
        let trained = |layer: usize, gain: bool| {
            let has = normalisation.is_some_and(|own| layer > 0 && has_trained(own, gain));
            if has { widths[layer] } else { 0 }
        };
        let mut parameters = vec![Parameters::default(); widths.len() - 1];
        for tensor in 0..Parameters::TENSORS {
            for (layer, parameters) in parameters.iter_mut().enumerate() {
                let [inputs, outputs] = [widths[layer], widths[layer + 1]];
                let lengths = [inputs * outputs, outputs, trained(layer, true), trained(layer, false)];
                let mut values = random.values(lengths[tensor]);
                if Parameters::NAMES[tensor] == "gain" {
                    // Far enough from 0 for gradients that differences resolve.
                    values.iter_mut().for_each(|gain| *gain = 1.0 + *gain / 3.0);
                }
                *parameters.tensors_mut()[tensor] = values;
            }
        }
        let network = Reference {
            widths: widths.to_vec(),
            activation,
            residual,
            normalisation,
            dropout: None,
            loss,
            parameters,
        };
        let x = random.values(batch * widths[0]);
        let labels: Vec<u32> = (0..batch).map(|_| (random.next() % classes) as u32).collect();
        let width = widths[widths.len() - 1];
        // Class labels, or, if the loss allows, regression targets between 0 and 1.
        let mut targets = one_hot(&labels, width);
        if loss == Loss::CrossEntropy && width == 1 {
            // Softmax of one output has one class.
            targets.fill(1.0);
        } else if loss != Loss::CrossEntropy && seed % 2 == 1 {
            targets = random.values(batch * width).iter().map(|value| value / 3.0 + 0.5).collect();
        }
        Self { network, x, targets }
    }

    /// `true` if finite differences are meaningful: no pre-activation near a kink, no error near that of huber, and no dead
    /// layer.
    fn is_smooth(&self) -> bool {
        let states = self.network.states(&self.x);
        let layers_are_smooth = (0..self.network.layers()).all(|l| {
            let given = self.network.activation_input(l, &states[l]).unwrap_or_default();
            !self.network.activation.has_kink()
                || given.is_empty()
                || given.iter().all(|z| z.abs() > KINK_MARGIN) && given.iter().any(|&z| z > 0.0)
        });
        let errors = states[self.network.layers()].iter().zip(&self.targets).map(|(a, y)| (a - y).abs());
        let loss_is_smooth = self.network.loss != Loss::Huber
            || errors.into_iter().all(|error| (error - 1.0).abs() > KINK_MARGIN);
        layers_are_smooth && loss_is_smooth
    }

    /// The first random problem of this form that [`Problem::is_smooth`].
    fn smooth(widths: &[usize], batch: usize, form: Form, loss: Loss) -> Self {
        (0..1000)
            .map(|seed| Self::random(widths, batch, form, loss, seed))
            .find(Self::is_smooth)
            .expect("a thousand seeds hold a problem away from the kinks")
    }

    /// Central differences of the loss for every parameter of the array that `select` returns.
    fn differences(&mut self, select: impl Fn(&mut Reference) -> &mut Vec<f64>) -> Vec<f64> {
        let count = select(&mut self.network).len();
        let mut differences = Vec::with_capacity(count);
        for i in 0..count {
            let value = select(&mut self.network)[i];
            let mut loss_at = |parameter| {
                select(&mut self.network)[i] = parameter;
                self.network.loss(&self.x, &self.targets)
            };
            differences.push((loss_at(value + H) - loss_at(value - H)) / (2.0 * H));
            loss_at(value);
        }
        differences
    }
}

/// Activation function, residual connections, and normalisation.
type Form = (Activation, bool, Option<Normalisation>);

/// `true` if the normalisation has a gain, or a shift.
fn has_trained(normalisation: Normalisation, gain: bool) -> bool {
    normalisation == Normalisation::Layer || (gain && normalisation == Normalisation::Rms)
}

fn forms() -> impl Iterator<Item = Form> {
    Activation::ALL.into_iter().flat_map(|activation| {
        let normalisations = Normalisation::ALL.map(|(normalisation, _)| Some(normalisation));
        let all = [None].into_iter().chain(normalisations);
        all.flat_map(move |normalisation| [false, true].map(|residual| (activation, residual, normalisation)))
    })
}

#[test]
fn gradients_are_those_of_the_loss() {
    for form in forms() {
        // A normalisation of three values curves so much that differences are less exact.
        let bound = if form.2.is_some() { 1e-5 } else { 1e-7 };
        for loss in Loss::ALL {
            for (widths, batch) in CASES {
                // Normalising so few values leaves hardly anything to learn.
                if form.2.is_some() && widths[1..widths.len() - 1].iter().any(|&width| width < 3) {
                    continue;
                }
                let mut problem = Problem::smooth(widths, batch, form, loss);
                let gradients = problem.network.gradients(&problem.x, &problem.targets);
                for (l, gradients) in gradients.iter().enumerate() {
                    let case = format!("{form:?}, {loss:?}, {widths:?}, batch {batch}, layer {l}");
                    let mut biases = Vec::new();
                    for (tensor, name) in Parameters::NAMES.into_iter().enumerate() {
                        let differences =
                            problem.differences(|network| network.parameters[l].tensors_mut()[tensor]);
                        let error = relative_error(gradients.tensors()[tensor], &differences);
                        assert!(error < bound, "{case}: {name} off by {error:e}");
                        if name == "bias" {
                            biases = differences;
                        }
                    }
                    // Softmax of one logit is constant; every other case must have something to learn.
                    let constant = loss == Loss::CrossEntropy && widths.ends_with(&[1]);
                    assert_eq!(
                        biases.iter().all(|&b| b == 0.0),
                        constant,
                        "{case}: a gradient that tests nothing"
                    );
                }
            }
        }
    }
}

#[test]
fn steps_lower_the_loss() {
    for form in forms() {
        for loss in Loss::ALL {
            let Problem { mut network, x, targets } = Problem::smooth(&[7, 5, 3], 9, form, loss);
            let before = network.loss(&x, &targets);
            network.step(&x, &targets, 1e-3);
            assert!(network.loss(&x, &targets) < before, "{form:?}, {loss:?}");
        }
    }
}

#[test]
fn activations_by_hand_and_their_derivatives_by_differences() {
    for (activation, z, expected) in [
        (Activation::Gelu, 1.0, 0.841_344_746_068_543),
        (Activation::Gelu, -5.0, -1.433_257_859_395_97e-6),
        (Activation::Silu, 1.0, 0.731_058_578_630_005),
        (Activation::LeakyRelu, -2.0, -0.02),
        (Activation::Mish, 1.0, 0.865_098_388_267_249),
        (Activation::Softplus, 1.0, 1.313_261_687_518_223),
        (Activation::Softplus, -30.0, 9.357_622_968_839_862e-14),
        (Activation::Sine, 0.5, 0.479_425_538_604_203),
    ] {
        assert!(
            (activation.apply(z) / expected - 1.0).abs() < 1e-12,
            "{activation:?}: {}",
            activation.apply(z)
        );
    }
    for activation in Activation::ALL {
        for z in [-4.1, -2.3, -0.7, 0.3, 1.9, 4.2] {
            let difference = (activation.apply(z + H) - activation.apply(z - H)) / (2.0 * H);
            assert!((activation.derivative(z) - difference).abs() < 1e-9, "{activation:?} at {z}");
            if activation.has_derivative_from_output() {
                let found = activation.derivative_from_output(activation.apply(z));
                assert!((found - difference).abs() < 1e-9, "{activation:?} at {z}");
            }
        }
    }
}

#[test]
fn losses_by_hand() {
    let output = [0.5, 0.25, 1.0, 0.0];
    let (terms, delta) = loss(Loss::Quadratic, Activation::Sigmoid, 2, 2, &output, &one_hot(&[0, 1], 2));
    assert_eq!(terms, [0.15625, 1.0]);
    assert_eq!(delta, [-0.0625, 0.0234375, 0.0, 0.0]);

    // Logits so large that an unguarded softmax would overflow; a difference of ln 3 means odds of three to one.
    let output = [1000.0 + 3_f64.ln(), 1000.0, -1000.0, -1000.0];
    let (terms, delta) = loss(Loss::CrossEntropy, Activation::Identity, 2, 2, &output, &one_hot(&[1, 0], 2));
    assert!(relative_error(&terms, &[4_f64.ln(), 2_f64.ln()]) < 1e-12, "{terms:?}");
    assert!(relative_error(&delta, &[0.375, -0.375, -0.25, 0.25]) < 1e-12, "{delta:?}");
}

#[test]
fn the_first_maximum_wins_and_nan_never_does() {
    let output = [0.0, 2.0, 2.0, f64::NAN, 1.0, 0.0, 0.0, 1.0, f64::NAN, 3.0, 1.0, 3.0];
    assert_eq!(correct(4, 3, 0.5, &output, &[1, 0, 1, 0]), [true, false, false, true]);
    assert_eq!(correct(4, 3, 0.5, &output, &[2, 1, 2, 2]), [false; 4]);
    assert_eq!(correct(3, 1, 0.5, &[0.4, 0.6, f64::NAN], &[0, 1, 0]), [true, true, false]);
}

#[test]
fn gather_picks_rows_in_order() {
    assert_eq!(gather(2, &[0, 1, 10, 11, 20, 21], &[2, 0, 2]), [20, 21, 0, 1, 20, 21]);
}

#[test]
fn nan_survives_every_activation_and_loss() {
    for activation in Activation::ALL {
        assert!(activation.apply(f64::NAN).is_nan(), "{activation:?}");
        for kind in Loss::ALL {
            let (terms, delta) = loss(kind, activation, 1, 2, &[1.0, f64::NAN], &[1.0, 0.0]);
            assert!(
                terms[0].is_nan() && delta.iter().any(|delta| delta.is_nan()),
                "{activation:?}, {kind:?}"
            );
        }
    }
}

#[test]
fn relative_error_is_relative() {
    assert_eq!(relative_error(&[3.0_f32, 4.0], &[3.0, 4.0]), 0.0);
    assert_eq!(relative_error(&[3.0_f32, 9.0], &[3.0, 4.0]), 1.0);
    assert_eq!(relative_error::<f32>(&[], &[]), 0.0);
    assert_eq!(relative_error(&[0.0_f32, -0.0], &[0.0, 0.0]), 0.0);
    assert_eq!(relative_error(&[0.0_f32, 1e-30], &[0.0, 0.0]), f64::INFINITY);
}

#[test]
fn relative_error_rejects_nan_and_infinity() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(relative_error(&[1.0, bad as f32], &[1.0, 2.0]), f64::INFINITY, "found {bad}");
        assert_eq!(relative_error(&[1.0_f32, 2.0], &[1.0, bad]), f64::INFINITY, "expected {bad}");
        assert_eq!(relative_error(&[1.0, bad as f32], &[1.0, bad]), f64::INFINITY, "both {bad}");
        assert_eq!(relative_error(&[bad as f32], &[0.0]), f64::INFINITY, "found {bad} for zero");
    }
}

#[test]
#[should_panic(expected = "equal length")]
fn relative_error_rejects_other_lengths() {
    relative_error(&[1.0_f32], &[1.0, 2.0]);
}
