//! `bench`: what a device does.

use crate::program::Folder;

#[test]
fn software_is_measured_in_all_respects() {
    let folder = Folder::new();
    let events = folder.run("bench --device software --json").succeeded().events();
    let [bench] = &events[..] else { panic!("{events:?}") };
    assert_eq!((&bench["event"], &bench["device"]["type"]), (&"bench".into(), &"software".into()));
    assert!(bench["recording_seconds"].as_f64().unwrap() >= 0.0, "{bench}");
    for key in ["dispatch_seconds", "submission_seconds", "peak_flops_per_second", "copied_bytes_per_second"]
    {
        assert!(bench[key].as_f64().unwrap() > 0.0, "{key} of {bench}");
    }
    let products = bench["products"].as_array().unwrap();
    let kernels: Vec<_> = products.iter().map(|product| product["kernel"].as_str().unwrap()).collect();
    assert_eq!(kernels, ["forward", "delta", "gradient"]);
    for product in products {
        let [side, flops, share] =
            ["side", "flops_per_second", "of_peak"].map(|key| product[key].as_f64().unwrap());
        assert!(side >= 256.0 && flops > 1e6 && share > 0.0, "{product}");
    }
}

#[test]
fn only_gpus_are_measured() {
    let folder = Folder::new();
    folder.run("bench --device cpu").refused_at_once(2, &["--device", "gpu", "software"]);
    let run = folder.run_without_drivers("bench");
    assert!(!run.stderr.contains("use --device cpu"), "{run:#?}");
    run.refused_at_once(4, &["no hardware GPU found", "--device software"]);
    let run = folder.run_without_drivers("bench --device software");
    assert!(!run.stderr.contains("use --device"), "{run:#?}");
    run.refused_at_once(4, &["no software Vulkan driver found", "mesa-vulkan-drivers"]);
}
