use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use super::Context;
use crate::{Error, Result};

/// First uncaptured error of a device, or the reason it was lost.
#[derive(Clone)]
pub(super) struct Faults(Arc<Mutex<Option<String>>>);

impl Faults {
    /// Starts to record the errors of `device`.
    pub fn of(device: &wgpu::Device) -> Self {
        let faults = Faults(Arc::default());
        let refused = faults.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| refused.note(error.to_string())));
        let lost = faults.clone();
        device.set_device_lost_callback(move |reason, message| lost.note(format!("{reason:?}: {message}")));
        faults
    }

    fn note(&self, fault: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(fault);
    }

    fn check(&self) -> Result<()> {
        let fault = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        fault.as_ref().map_or(Ok(()), |fault| Err(Error::DeviceLost(fault.clone())))
    }
}

impl Context {
    /// # Errors
    /// [`Error::DeviceLost`] if the device was lost, or reported an error, since it was opened.
    pub(in crate::gpu) fn check(&self) -> Result<()> {
        self.faults.check()
    }

    /// Waits until `submission` is done; `None` waits for everything submitted.
    pub(in crate::gpu) fn wait(&self, submission: Option<wgpu::SubmissionIndex>) -> Result<()> {
        let wait = wgpu::PollType::Wait { submission_index: submission, timeout: None };
        // wgpu panics if the device is lost during the wait.
        let polled = catch_unwind(AssertUnwindSafe(|| self.device.poll(wait)));
        self.check()?;
        match polled {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Error::DeviceLost(error.to_string())),
            Err(_) => Err(Error::DeviceLost("it was lost during a wait".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::AdapterKind;

    #[test]
    fn software_that_is_lost_is_reported_and_does_not_panic() {
        let context = Context::open(AdapterKind::Software).unwrap();
        context.wait(None).unwrap();
        context.device.destroy();
        let _ = context.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: 16,
            usage: wgpu::BufferUsages::STORAGE,
            mapped_at_creation: false,
        });
        let lost = [context.wait(None), context.wait(None), context.check()];
        assert!(lost.iter().any(|outcome| matches!(outcome, Err(Error::DeviceLost(_)))), "{lost:?}");
    }

    #[test]
    fn software_that_refuses_is_reported_by_the_next_check() {
        let context = Context::open(AdapterKind::Software).unwrap();
        let module =
            wgpu::ShaderModuleDescriptor { label: None, source: wgpu::ShaderSource::Wgsl("nonsense".into()) };
        let _ = context.device.create_shader_module(module);
        assert!(matches!(context.check(), Err(Error::DeviceLost(_))));
    }
}
