//! Trained networks: saved, evaluated and asked.

mod program;

use program::{Folder, SMALL};
use serde_json::Value;

fn json(text: &str) -> Value {
    serde_json::from_str(text.trim()).unwrap()
}

#[test]
fn what_train_saves_eval_and_predict_read() {
    let folder = Folder::new();
    for (device, network) in [
        ("cpu", "--activation tanh"),
        ("cpu", "--activation gelu --residual --loss cross-entropy"),
        ("software", "--activation relu --residual --loss cross-entropy"),
    ] {
        let flags = format!("{SMALL} --device {device} {network}").replace("--epochs 1", "--epochs 20");
        let events = folder.train(&format!("{flags} --optimizer adam --lr 0.02 --save m.safetensors"));
        let trained = &events[events.len() - 2]["accuracy"];
        let ask = format!("m.safetensors --data small.npz --device {device} --batch 4");
        let scores = json(&folder.run(&format!("eval {ask} --json")).succeeded().stdout);
        assert_eq!(&scores["scores"]["accuracy"], trained, "{network}");
        assert_eq!(scores["planned_peak_bytes"], scores["counted_peak_bytes"]);
        assert!(folder.run(&format!("eval {ask}")).succeeded().stdout.contains("precision"));

        folder.run(&format!("predict {ask} --out p.csv")).succeeded();
        folder.run(&format!("predict {ask} --out p.npz")).succeeded();
        let text = String::from_utf8(folder.read("p.csv")).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "output0,output1,output2,class");
        assert_eq!(lines.len(), 1 + 9);
    }
}

/// However deep the network is, it takes two states' room beside its parameters.
#[test]
fn depth_costs_no_state() {
    let folder = Folder::new();
    let bytes = |layers: &str| {
        let flags = SMALL.replace("6,5x3,3", layers);
        folder.run(&format!("train {flags} --device cpu --save m.safetensors")).succeeded();
        let ask = "eval m.safetensors --data small.npz --device cpu --json";
        json(&folder.run(ask).succeeded().stdout)["planned_peak_bytes"].as_u64().unwrap()
    };
    let more_layers = 60;
    let parameters = 4 * (5 * 5 + 5) * more_layers;
    assert_eq!(bytes("6,5x63,3") - bytes("6,5x3,3"), parameters);
}

#[test]
fn files_that_say_nothing_or_are_of_another_network_are_refused() {
    let folder = Folder::new();
    folder.run(&format!("train {SMALL} --device cpu --save m.npz")).succeeded();
    folder.run(&format!("train {SMALL} --device cpu --save m.safetensors")).succeeded();
    for (command, problem) in [
        ("eval m.npz --data small.npz", "does not say what network"),
        ("eval none.safetensors --data small.npz", "cannot be opened"),
        ("predict m.safetensors --data small.npz --out p.txt", ".csv or .npz"),
        (
            "train --preset accuracy --data small.npz --layers 6,4,3 --batch 8 --init m.safetensors",
            "[6, 5, 5, 5, 3]",
        ),
    ] {
        let refused = folder.run(&format!("{command} --device cpu"));
        assert_eq!(refused.code, Some(3), "{command}: {refused:?}");
        assert!(refused.stderr.contains(problem), "{command}: {}", refused.stderr);
    }
    let hash = |init: &str| folder.hash(&format!("{SMALL} --device cpu --init {init}"));
    assert_eq!(hash("m.npz"), hash("m.safetensors"));
}
