// Gradients of a batch in several parts: each adds to what is kept, and SGD follows on the last one's sum.

// Whether this part finds nothing kept, and whether it keeps nothing.
override IS_FIRST: bool;
override IS_LAST: bool;

@group(0) @binding(1) var<storage, read_write> parameters: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> gradients: array<vec4f>;

fn take(place: u32, sum: vec4f) {
    var gradient = sum;
    if !IS_FIRST { gradient += gradients[place]; }
    if IS_LAST { parameters[place] -= run.rate * gradient; } else { gradients[place] = gradient; }
}
