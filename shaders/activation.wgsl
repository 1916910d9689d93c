// Activation functions φ and their derivatives φ′. NaN stays NaN.
//
// The codes of `kind` and LEAK come from the host's src/model/activation.rs.

fn activate(kind: u32, z: f32) -> f32 {
    switch kind {
        case SIGMOID: { return sigmoid(z); }
        case TANH: { return tangent(z); }
        // Unlike max(z, 0), this propagates NaN.
        case RELU: { return select(z, 0.0, z < 0.0); }
        case LEAKY_RELU: { return select(z, LEAK * z, z < 0.0); }
        case GELU: { return z * distribution(z); }
        case SILU: { return z * sigmoid(z); }
        case SOFTPLUS: { return softplus(z); }
        case MISH: { return mish(z); }
        case SINE: { return sine(z); }
        default: { return z; }
    }
}

// φ′ from the output a = φ(z), of functions that states store the output of.
fn derivative_of_output(kind: u32, a: f32) -> f32 {
    switch kind {
        case SIGMOID: { return a * (1.0 - a); }
        // More accurate near ±1 than 1 − a².
        case TANH: { return (1.0 - a) * (1.0 + a); }
        case RELU: { return select(0.0, 1.0, a > 0.0); }
        case LEAKY_RELU: { return select(LEAK, 1.0, a > 0.0); }
        default: { return 1.0; }
    }
}

// φ′ from the pre-activation z.
fn derivative_of_pre_activation(kind: u32, z: f32) -> f32 {
    switch kind {
        case GELU: { return distribution(z) + z * density(z); }
        case SILU: {
            let a = sigmoid(z);
            return a * (1.0 + z * (1.0 - a));
        }
        case SOFTPLUS: { return sigmoid(z); }
        case MISH: { return derivative_of_mish(z); }
        case SINE: { return cosine(z); }
        default: { return derivative_of_output(kind, activate(kind, z)); }
    }
}

fn sigmoid(z: f32) -> f32 {
    return 1.0 / (1.0 + exponential(-z));
}

fn softplus(z: f32) -> f32 {
    return select(z, 0.0, z < 0.0) + logarithm_of_one_plus(exponential(-abs(z)));
}

// ln(1 + u) for u from 0 to 1, also of small u: 2 artanh(s) with s = u / (2 + u), by its series.
fn logarithm_of_one_plus(u: f32) -> f32 {
    let s = u / (2.0 + u);
    let square = s * s;
    var sum = 1.0 / 15.0;
    sum = sum * square + 1.0 / 13.0;
    sum = sum * square + 1.0 / 11.0;
    sum = sum * square + 1.0 / 9.0;
    sum = sum * square + 1.0 / 7.0;
    sum = sum * square + 1.0 / 5.0;
    sum = sum * square + 1.0 / 3.0;
    sum = sum * square + 1.0;
    return 2.0 * s * sum;
}

// With e = e^z and n = e (e + 2), tanh(softplus(z)) is n / (n + 2), which is 1 well below z = 20.
fn mish(z: f32) -> f32 {
    let e = exponential(min(z, 20.0));
    let n = e * (e + 2.0);
    // Below -87 the product is 0 in f32, however large z is.
    return select(z * (n / (n + 2.0)), 0.0, z < -87.0);
}

fn derivative_of_mish(z: f32) -> f32 {
    let near = select(clamp(z, -87.0, 20.0), z, is_nan(z));
    let e = exponential(near);
    let n = e * (e + 2.0);
    return (n + 4.0 * near * e * (1.0 + e) / (n + 2.0)) / (n + 2.0);
}

// tanh rounds to ±1 well below 15; beyond, some drivers overflow.
fn tangent(z: f32) -> f32 {
    return select(select(tanh(z), sign(z), abs(z) > 15.0), z, is_nan(z));
}

// Φ(z), the standard normal CDF, from erfc(x) ≈ t · e^(−x² + P(t)), t = 1 / (1 + x/2), with the polynomial of W. H. Press et
// al., Numerical Recipes, section 6.2 (second edition).
fn distribution(z: f32) -> f32 {
    let x = abs(z) * 0.70710678;
    let t = 1.0 / (1.0 + 0.5 * x);
    var sum = 0.17087277;
    sum = sum * t - 0.82215223;
    sum = sum * t + 1.48851587;
    sum = sum * t - 1.13520398;
    sum = sum * t + 0.27886807;
    sum = sum * t - 0.18628806;
    sum = sum * t + 0.09678418;
    sum = sum * t + 0.37409196;
    sum = sum * t + 1.00002368;
    sum = sum * t - 1.26551223;
    let tail = 0.5 * t * exponential(sum - x * x);
    return select(1.0 - tail, tail, z < 0.0);
}

// Φ′(z)
fn density(z: f32) -> f32 {
    return 0.39894228 * exponential(-0.5 * z * z);
}

// WGSL's sine may be accurate to three digits only. Here x = k · π + r, with π in three parts, the first two so short that
// their products with k are exact (Cody and Waite), and sin r is a polynomial through nine Chebyshev nodes.
fn sine(x: f32) -> f32 {
    let k = floor(x * 0.31830989 + 0.5);
    return alternating(k, sine_near_zero(rest(x, k)));
}

fn cosine(x: f32) -> f32 {
    let k = floor(x * 0.31830989);
    return alternating(k, -sine_near_zero(rest(x, k + 0.5)));
}

fn rest(x: f32, k: f32) -> f32 {
    return ((x - k * 3.140625) - k * 9.675025939941406e-4) - k * 1.5099580252808664e-7;
}

fn alternating(k: f32, value: f32) -> f32 {
    return select(value, -value, k - 2.0 * floor(0.5 * k) > 0.5);
}

fn sine_near_zero(r: f32) -> f32 {
    let square = r * r;
    var sum = -2.408019e-8;
    sum = sum * square + 2.7536464e-6;
    sum = sum * square - 1.9841087e-4;
    sum = sum * square + 8.333333e-3;
    sum = sum * square - 0.16666667;
    return r + r * square * sum;
}
