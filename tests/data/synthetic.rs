//! Synthetic datasets: commands accept them, and networks learn from them.

use crate::program::Folder;

#[test]
fn every_command_accepts_synthetic_data() {
    let folder = Folder::new();
    let data = "--data synthetic:spirals,samples=80,test=20";
    let network = "--layers 2,8x2,2 --batch 8 --epochs 1 --device cpu";
    folder.run(&format!("train {data} {network} --save m.safetensors --snapshot s")).succeeded();
    folder.run(&format!("train {data} {network} --snapshot s --resume")).succeeded();
    let plan = folder.run(&format!("plan {data} {network} --json")).succeeded();
    assert!(plan.stdout.contains("synthetic:spirals,samples=80"), "{}", plan.stdout);
    folder.run(&format!("compare {data} {network} --every 0,2 --repeats 1")).succeeded();
    let evaluated = folder.run(&format!("eval m.safetensors {data} --device cpu --json")).succeeded();
    assert!(evaluated.stdout.contains("\"samples\":20"), "{}", evaluated.stdout);
    folder.run(&format!("predict m.safetensors {data} --device cpu --out p.csv")).succeeded();
    assert_eq!(String::from_utf8(folder.read("p.csv")).unwrap().lines().count(), 1 + 20);
}

/// The last value of `metric`, such as the accuracy, that a training run reports.
fn final_metric(flags: &str, metric: &str) -> f64 {
    let folder = Folder::new();
    let events = folder.train(&format!("--device cpu --lr 0.01 --batch 20 {flags}"));
    events.iter().rev().find_map(|event| event[metric].as_f64()).unwrap()
}

#[test]
fn networks_learn_synthetic_data() {
    let blobs = "--data synthetic:blobs,samples=2000,features=30,classes=4 --layers 30,16x2,4 --epochs 3";
    let accuracy = final_metric(blobs, "accuracy");
    assert!(accuracy > 0.9, "{accuracy}");
    let spirals = "--data synthetic:spirals,samples=2000 --layers 2,32x4,2 --epochs 10";
    let accuracy = final_metric(spirals, "accuracy");
    assert!(accuracy > 0.9, "{accuracy}");
    let sines = "--data synthetic:sines,samples=4000,features=2 --layers 2,32x3,1 --epochs 8 --loss mse";
    let first = final_metric(&sines.replace("--epochs 8", "--steps 1"), "test_loss");
    let last = final_metric(sines, "test_loss");
    assert!(last < 0.05 * first, "from {first} to {last}");
}

#[test]
fn invalid_recipes_and_file_flags_are_rejected() {
    let folder = Folder::new();
    let refused = |flags: &str, words: &[&str]| {
        let outcome = folder.run(&format!("train {flags} --device cpu"));
        assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
        assert!(words.iter().all(|word| outcome.stderr.contains(word)), "{words:?}: {}", outcome.stderr);
    };
    refused("--data synthetic:blob", &["--data", "found 'blob'", "did you mean blobs?"]);
    refused("--data synthetic:blobs,feature=3", &["found 'feature'", "did you mean features?"]);
    refused("--data synthetic:blobs,samples=0", &["samples=0", "from 1"]);
    refused("--data synthetic:blobs --map-data", &["--map-data", "synthetic"]);
    refused("--data synthetic:blobs --x-key x", &["--x-key", "synthetic"]);
    refused("--data synthetic:spirals,samples=60 --layers 784,2", &["--layers", "784", "2 features"]);
    refused("--data synthetic:spirals,samples=60 --impute mean", &["--impute", "synthetic"]);
    let most = "synthetic:sines,samples=4294967295,features=4294967295";
    let outcome = folder.run(&format!("train --data {most} --device cpu"));
    assert_eq!(outcome.code, Some(5), "{}", outcome.stderr);
}
