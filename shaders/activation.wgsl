// φ and φ′. NaN stays NaN.

override ACTIVATION: u32;

const SIGMOID = 0u;
const TANH = 1u;
const RELU = 2u;

fn activate(z: f32) -> f32 {
    switch ACTIVATION {
        case SIGMOID: { return 1.0 / (1.0 + exponential(-z)); }
        // tanh rounds to ±1 long before 15; beyond, some drivers overflow.
        case TANH: { return select(select(tanh(z), sign(z), abs(z) > 15.0), z, is_nan(z)); }
        // Unlike max(z, 0), this passes NaN on.
        case RELU: { return select(z, 0.0, z < 0.0); }
        default: { return z; }
    }
}

// From the output a = φ(z).
fn derivative(a: f32) -> f32 {
    switch ACTIVATION {
        case SIGMOID: { return a * (1.0 - a); }
        // More digits near ±1 than 1 − a² has.
        case TANH: { return (1.0 - a) * (1.0 + a); }
        case RELU: { return select(0.0, 1.0, a > 0.0); }
        default: { return 1.0; }
    }
}
