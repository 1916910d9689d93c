// Multiply-adds on registers: eight independent vectors, so that none waits for the last. The numbers converge to 1.

override TURNS: u32;

const FACTOR = vec4f(0.75);
const TERM = vec4f(0.25);

@group(0) @binding(0) var<storage, read_write> sums: array<vec4f>;

struct Vectors {
    a: vec4f,
    b: vec4f,
    c: vec4f,
    d: vec4f,
    e: vec4f,
    f: vec4f,
    g: vec4f,
    h: vec4f,
}

fn step(v: Vectors) -> Vectors {
    return Vectors(
        fma(v.a, FACTOR, TERM),
        fma(v.b, FACTOR, TERM),
        fma(v.c, FACTOR, TERM),
        fma(v.d, FACTOR, TERM),
        fma(v.e, FACTOR, TERM),
        fma(v.f, FACTOR, TERM),
        fma(v.g, FACTOR, TERM),
        fma(v.h, FACTOR, TERM),
    );
}

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let start = sums[id.x];
    var v = Vectors(start, start + 1.0, start + 2.0, start + 3.0, start + 4.0, start + 5.0, start + 6.0, start + 7.0);
    for (var turn = 0u; turn < TURNS; turn++) {
        v = step(step(step(step(v))));
        v = step(step(step(step(v))));
        v = step(step(step(step(v))));
        v = step(step(step(step(v))));
    }
    sums[id.x] = v.a + v.b + v.c + v.d + v.e + v.f + v.g + v.h;
}
