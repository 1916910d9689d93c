// The loss function, whose codes come from the host's src/model/loss.rs, and what it compares.

override LOSS: u32;
// Targets are a number for each output rather than a class label for each sample.
override ARE_VALUES: bool;
override ONE_OUTPUT: bool;
