//! The examples, at sizes that take a moment. They are part of this test, so that none can be missing or out of date.

#[path = "../../examples/neural_field/main.rs"]
#[allow(dead_code, reason = "here it has no main function to run")]
mod neural_field;
#[path = "../../examples/plan_a_chain.rs"]
#[allow(dead_code, reason = "here it has no main function to run")]
mod plan_a_chain;
#[path = "../../examples/tabular_regression.rs"]
#[allow(dead_code, reason = "here it has no main function to run")]
mod tabular_regression;
#[path = "../../examples/thousand_layers.rs"]
#[allow(dead_code, reason = "here it has no main function to run")]
mod thousand_layers;

use std::fs;

use clap::Parser;

/// What an example is told on its command line, split at spaces.
fn args<T: Parser>(text: &str) -> T {
    T::try_parse_from(["example"].into_iter().chain(text.split_whitespace())).unwrap()
}

/// What an example takes and finds depends on the number of threads; here it does not depend on the machine.
fn on_two_threads<T: Send>(work: impl FnOnce() -> ckpt_gpu::Result<T> + Send) -> ckpt_gpu::Result<T> {
    rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap().install(work)
}

#[test]
fn a_neural_field_fits_its_image_in_less_memory() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("field.ppm");
    let run = |more: &str| {
        let args = args(&format!("--device cpu --out {} {more}", out.display()));
        on_two_threads(|| neural_field::run(&args))
    };
    let rows = run("--size 40 --steps 18").unwrap();
    let [all, half, third, parts] = &rows[..] else { panic!("{} rows", rows.len()) };
    // Grey all over scores 9 dB.
    assert!(all.psnr > 10.0, "{} dB", all.psnr);
    assert!(half.counted_bytes <= all.counted_bytes / 2 && third.counted_bytes <= all.counted_bytes / 3);
    assert!(all.layers_again == 0 && half.layers_again > 0 && third.layers_again > half.layers_again);
    assert!(all.parameters == half.parameters && all.parameters == third.parameters);
    assert!(parts.counted_bytes < all.counted_bytes && parts.parameters != all.parameters);

    // What it drew is read again, comments and all.
    let drawn = fs::read(&out).unwrap();
    let header = b"P6\n40 40\n255\n";
    assert!(drawn.starts_with(header) && drawn.len() == header.len() + 40 * 40 * 3);
    let image = folder.path().join("image.ppm");
    fs::write(&image, [b"P6 # 255 colours\n40\t40\n255\n", &drawn[header.len()..]].concat()).unwrap();
    let again = run(&format!("--steps 1 --image {}", image.display())).unwrap();
    assert_eq!(again[0].counted_bytes, all.counted_bytes);
    for wrong in [&drawn[..drawn.len() - 1], b"P5 24 24 255 ", b"P6 24", b"P6 9999999999 9999999999 255 "] {
        fs::write(&image, wrong).unwrap();
        let refused = run(&format!("--image {}", image.display()));
        assert!(matches!(refused.map(|_| ()), Err(ckpt_gpu::Error::File { .. })), "{} bytes", wrong.len());
    }
}

#[test]
fn a_deep_network_learns_a_table_that_a_linear_one_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("table.safetensors");
    let flags = format!("--rows 1000 --epochs 40 --device cpu --save {}", file.display());
    let found = on_two_threads(|| tabular_regression::run(&args(&flags))).unwrap();
    assert!(file.is_file());
    assert!((0.9..1.0).contains(&found.ceiling), "{}", found.ceiling);
    assert!(found.linear < 0.8, "{}", found.linear);
    assert!(found.linear < found.deep && found.deep < found.ceiling, "{}", found.deep);
}

#[test]
fn many_layers_keep_to_their_budget() {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/data/mnist.npz");
    let flags = format!("--layers 100 --budget-mib 7 --steps 60 --device cpu --data {data}");
    let run = on_two_threads(|| thousand_layers::run(&args(&flags))).unwrap();
    assert!(run.layers_again > 0 && run.counted_bytes <= 7 << 20 && run.counted_bytes < run.keep_all_bytes);
    assert!(run.accuracy > 0.5, "{}", run.accuracy);
}

#[test]
fn a_chain_is_planned_within_its_budget() {
    let plan = plan_a_chain::run().unwrap();
    assert!(plan.pool_bytes() <= 128 << 20 && plan.prediction.recomputed_layers > 0);
}
