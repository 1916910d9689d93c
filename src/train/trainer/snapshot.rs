use std::path::PathBuf;
use std::sync::Arc;

use super::Trainer;
use crate::device::{Piece, Values, read_all};
use crate::model::{ParameterHash, Parameters};
use crate::snapshot::{BestSoFar, Progress, Snapshot, SnapshotStore, Take};
use crate::train::{Target, identity};
use crate::{Error, Result};

impl Trainer {
    /// A copy of the optimizer state: [`crate::model::UpdateRule::moments`] entries.
    ///
    /// # Errors
    /// [`Error::DeviceLost`]
    pub fn moments(&mut self) -> Result<Vec<Parameters>> {
        let Trainer { device, network, settings, .. } = self;
        let moments = 0..settings.optimization.rule.moments();
        moments.map(|moment| read_all(device.as_mut(), Values::Moment(moment), network)).collect()
    }

    /// A copy of the parameters.
    ///
    /// # Errors
    /// [`Error::Diverged`] if one is NaN or infinite: a step's loss is computed before its update, so the last update shows
    /// only here. [`Error::DeviceLost`].
    pub fn parameters(&mut self) -> Result<Parameters> {
        let mut copy = Parameters::zeros(&self.network);
        self.copy_to(Values::Parameters, &mut copy)?;
        Ok(copy)
    }

    /// A copy of the parameters that a model is made of: their moving average if there is one, else the parameters themselves.
    ///
    /// # Errors
    /// As [`Trainer::parameters`].
    pub fn model_parameters(&mut self) -> Result<Parameters> {
        let mut copy = Parameters::zeros(&self.network);
        self.copy_to(self.model_values(), &mut copy)?;
        Ok(copy)
    }

    /// Frees the device, and returns the [parameters of the model](Trainer::model_parameters), which the CPU backend moves
    /// rather than copies.
    ///
    /// # Errors
    /// As [`Trainer::parameters`].
    pub fn into_model_parameters(mut self) -> Result<Parameters> {
        self.read_finite(self.model_values(), &mut |_| Ok(()))?;
        self.device.swap_average()?;
        self.device.into_parameters()
    }

    /// [`Parameters::sha256`] of the parameters, without a copy of them.
    ///
    /// # Errors
    /// As [`Trainer::parameters`].
    pub fn parameters_sha256(&mut self) -> Result<String> {
        self.sha256(Values::Parameters)
    }

    /// As [`Trainer::parameters_sha256`], of the [parameters of the model](Trainer::model_parameters).
    ///
    /// # Errors
    /// As [`Trainer::parameters`].
    pub fn model_sha256(&mut self) -> Result<String> {
        self.sha256(self.model_values())
    }

    /// Replaces `kept`, an earlier copy of the parameters of the model, by those of now. On the CPU backend, where a read
    /// does not fail half-way, it is overwritten, so that there is never a third copy. After an error it is as it was.
    pub(in crate::train) fn keep_model_parameters(&mut self, kept: &mut Arc<Parameters>) -> Result<()> {
        let values = self.model_values();
        match Arc::get_mut(kept) {
            Some(kept) if self.target == Target::Cpu && kept.fit(&self.network) => {
                self.read_finite(values, &mut |_| Ok(()))?;
                self.copy_to(values, kept)
            }
            _ => {
                *kept = Arc::new(self.model_parameters()?);
                Ok(())
            }
        }
    }

    /// A copy of everything that resuming from here needs; see [`Trainer::on`].
    ///
    /// # Errors
    /// As [`Trainer::parameters`].
    pub fn snapshot(&mut self) -> Result<Snapshot> {
        Ok(Snapshot { progress: self.progress(), parameters: self.parameters()?, moments: self.moments()? })
    }

    /// Writes what [`Trainer::snapshot`] copies to `store`, with the `best` parameters so far, without a copy of it. Also
    /// returns the path of the file. `complete` may add to the identity of the run.
    ///
    /// # Errors
    /// As [`Trainer::parameters`] and [`SnapshotStore::save`].
    pub fn save_snapshot(
        &mut self,
        store: &SnapshotStore,
        best: Option<&BestSoFar>,
        complete: impl FnOnce(&mut Progress),
    ) -> Result<PathBuf> {
        let mut progress = Progress { best: best.cloned(), ..self.progress() };
        complete(&mut progress);
        let moments = self.settings.optimization.rule.moments();
        let network = self.network.clone();
        store.save_from(&progress, &network, moments, &mut |take: &mut Take| {
            self.read_finite(Values::Parameters, &mut |piece| take(piece.values))?;
            let mut moments = (0..moments).map(Values::Moment);
            moments.try_for_each(|moment| self.device.read(moment, &mut |piece| take(piece.values)))
        })
    }

    fn progress(&self) -> Progress {
        Progress {
            widths: self.network.widths().to_vec(),
            identity: self.identity.get_or_init(|| identity(&self.settings, &self.data)).clone(),
            slices: self.device.slices(),
            steps: self.steps,
            losses: self.losses,
            plateau: self.plateau,
            best: None,
        }
    }

    /// Where the device has the parameters that a model is made of.
    fn model_values(&self) -> Values {
        let rule = &self.settings.optimization.rule;
        rule.ema.map_or(Values::Parameters, |_| Values::Moment(rule.moments() - 1))
    }

    fn sha256(&mut self, values: Values) -> Result<String> {
        let mut hash = ParameterHash::default();
        self.read_finite(values, &mut |piece| {
            hash.add(piece.values);
            Ok(())
        })?;
        Ok(hash.finish())
    }

    /// Copies `values` to `copy`, which has the network's shapes.
    fn copy_to(&mut self, values: Values, copy: &mut Parameters) -> Result<()> {
        self.read_finite(values, &mut |piece| {
            piece.copy_to(copy);
            Ok(())
        })
    }

    /// Reads `values`, parameters or their average, and passes them to `take` in order.
    fn read_finite(&mut self, values: Values, take: &mut dyn FnMut(Piece) -> Result<()>) -> Result<()> {
        let epoch = (self.steps.saturating_sub(1) / self.steps_per_epoch()) as usize;
        self.device.read(values, &mut |piece| match piece.values.iter().find(|value| !value.is_finite()) {
            None => take(piece),
            Some(value) => {
                let problem = format!("layer {} has a parameter that is {value}", piece.layer);
                Err(Error::Diverged { epoch, problem })
            }
        })
    }
}
