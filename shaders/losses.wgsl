// The loss of a sample, and its derivative with respect to each output.
//
// A kernel adds to this file `sizes`, `output` [batch, outputs] and `targets`.

override LOSS: u32;
// Whether targets are a number for each output, and not one class a sample.
override ARE_VALUES: bool;
override ONE_OUTPUT: bool;

const QUADRATIC = 0u;
const CROSS_ENTROPY = 1u;
const MSE = 2u;
const BINARY_CROSS_ENTROPY = 3u;
const HUBER = 4u;

// No sample has more. Where a uniform alone bounds a loop of a few turns, lavapipe (Mesa 22.3) compiles the kernel anew for
// every dispatch.
fn outputs() -> u32 {
    return min(sizes.outputs, arrayLength(&output));
}

// What softmax takes from all outputs of a sample: the largest, taken off first so that no exponential overflows, and the
// sum of exponentials.
struct Softmax {
    largest: f32,
    sum: f32,
}

fn softmax_of(sample: u32) -> Softmax {
    if LOSS != CROSS_ENTROPY {
        return Softmax();
    }
    let start = sample * sizes.outputs;
    var largest = output[start];
    for (var unit = 1u; unit < outputs(); unit++) {
        let a = output[start + unit];
        largest = select(largest, a, a > largest);
    }
    var sum = 0.0;
    for (var unit = 0u; unit < outputs(); unit++) {
        sum += exponential(output[start + unit] - largest);
    }
    return Softmax(largest, sum);
}

// What an output should be.
fn wanted(sample: u32, unit: u32) -> f32 {
    if ARE_VALUES {
        return bitcast<f32>(targets[sample * sizes.outputs + unit]);
    }
    if ONE_OUTPUT {
        return f32(targets[sample]);
    }
    return select(0.0, 1.0, unit == targets[sample]);
}

fn loss_of(sample: u32, softmax: Softmax) -> f32 {
    let start = sample * sizes.outputs;
    if LOSS == CROSS_ENTROPY {
        let unit = select(targets[sample], 0u, ONE_OUTPUT);
        return wanted(sample, unit) * (log(softmax.sum) - (output[start + unit] - softmax.largest));
    }
    var sum = 0.0;
    for (var unit = 0u; unit < outputs(); unit++) {
        sum += term(output[start + unit], wanted(sample, unit));
    }
    return sum * share();
}

fn term(a: f32, y: f32) -> f32 {
    let error = a - y;
    switch LOSS {
        // −y · ln σ(a) − (1 − y) · ln(1 − σ(a)), where nothing overflows.
        case BINARY_CROSS_ENTROPY: {
            return select(a, 0.0, a < 0.0) - a * y + log(1.0 + exponential(-abs(a)));
        }
        case HUBER: { return select(0.5 * error * error, abs(error) - 0.5, abs(error) > 1.0); }
        default: { return error * error; }
    }
}

fn derivative_of_loss(sample: u32, unit: u32, softmax: Softmax) -> f32 {
    let a = output[sample * sizes.outputs + unit];
    let y = wanted(sample, unit);
    switch LOSS {
        case QUADRATIC: { return a - y; }
        case CROSS_ENTROPY: { return exponential(a - softmax.largest) / softmax.sum - y; }
        case BINARY_CROSS_ENTROPY: { return (sigmoid(a) - y) * share(); }
        case HUBER: {
            let error = a - y;
            return select(error, sign(error), abs(error) > 1.0) * share();
        }
        default: { return 2.0 * (a - y) * share(); }
    }
}

// How much of a sample's loss each output's is.
fn share() -> f32 {
    return select(1.0 / f32(sizes.outputs), 0.5, LOSS == QUADRATIC);
}
