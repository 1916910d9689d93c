// SGD on the gradients of a whole batch.

@group(0) @binding(1) var<storage, read_write> parameters: array<vec4f>;

fn take(place: u32, sum: vec4f) {
    parameters[place] -= run.rate * sum;
}
