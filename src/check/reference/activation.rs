/// An activation function φ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `1 / (1 + e^-z)`
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// `max(z, 0)`
    Relu,
    /// `z` if positive, else `z / 100`.
    LeakyRelu,
    /// `z · Φ(z)`, with Φ the standard normal CDF.
    Gelu,
    /// `z / (1 + e^-z)`
    Silu,
    /// `ln(1 + e^z)`
    Softplus,
    /// `z · tanh(softplus(z))`
    Mish,
    /// `sin z`
    Sine,
    /// `z`
    Identity,
}

/// What the reference knows of an activation function.
struct Formula {
    name: &'static str,
    /// φ(z); NaN stays NaN.
    value: fn(f64) -> f64,
    /// φ′(z)
    derivative: fn(f64) -> f64,
    /// φ′(z) as a function of φ(z), which networks store if they can.
    derivative_from_output: Option<fn(f64) -> f64>,
    /// `true` if φ′ jumps at zero.
    has_kink: bool,
}

impl Activation {
    /// Every activation function.
    pub const ALL: [Self; 10] = [
        Self::Sigmoid,
        Self::Tanh,
        Self::Relu,
        Self::LeakyRelu,
        Self::Gelu,
        Self::Silu,
        Self::Softplus,
        Self::Mish,
        Self::Sine,
        Self::Identity,
    ];

    fn formula(self) -> Formula {
        match self {
            Self::Sigmoid => Formula {
                name: "sigmoid",
                value: sigmoid,
                derivative: |z| sigmoid(z) * (1.0 - sigmoid(z)),
                derivative_from_output: Some(|a| a * (1.0 - a)),
                has_kink: false,
            },
            Self::Tanh => Formula {
                name: "tanh",
                value: f64::tanh,
                derivative: |z| 1.0 - z.tanh() * z.tanh(),
                derivative_from_output: Some(|a| 1.0 - a * a),
                has_kink: false,
            },
            // Comparisons that keep NaN, which z.max(0.0) would not. The output has the sign of z.
            Self::Relu => Formula {
                name: "relu",
                value: |z| if z <= 0.0 { 0.0 } else { z },
                derivative: |z| if z <= 0.0 { 0.0 } else { 1.0 },
                derivative_from_output: Some(|a| if a <= 0.0 { 0.0 } else { 1.0 }),
                has_kink: true,
            },
            Self::LeakyRelu => Formula {
                name: "leaky-relu",
                value: |z| if z <= 0.0 { 0.01 * z } else { z },
                derivative: |z| if z <= 0.0 { 0.01 } else { 1.0 },
                derivative_from_output: Some(|a| if a <= 0.0 { 0.01 } else { 1.0 }),
                has_kink: true,
            },
            Self::Gelu => Formula {
                name: "gelu",
                value: |z| z * normal_distribution(z),
                derivative: |z| normal_distribution(z) + z * normal_density(z),
                derivative_from_output: None,
                has_kink: false,
            },
            Self::Silu => Formula {
                name: "silu",
                value: |z| z * sigmoid(z),
                derivative: |z| sigmoid(z) * (1.0 + z * (1.0 - sigmoid(z))),
                derivative_from_output: None,
                has_kink: false,
            },
            Self::Softplus => Formula {
                name: "softplus",
                value: softplus,
                derivative: sigmoid,
                derivative_from_output: None,
                has_kink: false,
            },
            Self::Mish => Formula {
                name: "mish",
                value: |z| z * softplus(z).tanh(),
                derivative: |z| {
                    let tanh = softplus(z).tanh();
                    tanh + z * (1.0 - tanh * tanh) * sigmoid(z)
                },
                derivative_from_output: None,
                has_kink: false,
            },
            Self::Sine => Formula {
                name: "sine",
                value: f64::sin,
                derivative: f64::cos,
                derivative_from_output: None,
                has_kink: false,
            },
            Self::Identity => Formula {
                name: "identity",
                value: |z| z,
                derivative: |_| 1.0,
                derivative_from_output: Some(|_| 1.0),
                has_kink: false,
            },
        }
    }

    /// The activation function of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|activation| activation.formula().name == name)
    }

    /// φ(z). NaN stays NaN.
    pub fn apply(self, z: f64) -> f64 {
        (self.formula().value)(z)
    }

    /// φ′(z); at the kink of a rectifier, that of negative numbers.
    pub fn derivative(self, z: f64) -> f64 {
        (self.formula().derivative)(z)
    }

    /// φ′(z) from `a` = φ(z), or NaN if [`Activation::has_derivative_from_output`] is `false`.
    pub fn derivative_from_output(self, a: f64) -> f64 {
        self.formula().derivative_from_output.map_or(f64::NAN, |derivative| derivative(a))
    }

    /// `true` if φ′ can be computed from φ(z), so that networks store that.
    pub fn has_derivative_from_output(self) -> bool {
        self.formula().derivative_from_output.is_some()
    }

    /// `true` if φ′ jumps at zero.
    pub fn has_kink(self) -> bool {
        self.formula().has_kink
    }
}

pub(super) fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// ln(1 + e^z), in a form that does not overflow.
pub(super) fn softplus(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p()
}

fn normal_density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

/// Φ(z): near zero by its series, in the tails by a continued fraction (Abramowitz & Stegun, 26.2.11 and 26.2.14).
fn normal_distribution(z: f64) -> f64 {
    let density = normal_density(z);
    if z.is_nan() {
        return z;
    }
    if z.abs() < 4.0 {
        let (mut term, mut sum) = (z, z);
        for n in 1..100 {
            term *= z * z / f64::from(2 * n + 1);
            sum += term;
        }
        return 0.5 + density * sum;
    }
    let x = z.abs();
    let mut fraction = x;
    for n in (1..100).rev() {
        fraction = x + f64::from(n) / fraction;
    }
    let tail = density / fraction;
    if z < 0.0 { tail } else { 1.0 - tail }
}
