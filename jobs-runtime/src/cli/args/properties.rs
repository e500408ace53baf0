//! Properties of commands: which of them run long, need the store itself or change something.

use super::{BulkArgs, Command, OperationCommand, QueueCommand, ScheduleCommand, TokenCommand};

impl Command {
    /// True if the user follows the log of the command while it runs.
    pub(in crate::cli) fn is_long_running(&self) -> bool {
        matches!(
            self,
            Self::Run | Self::Work(_) | Self::Serve | Self::Exec(_)
        )
    }

    /// True if the command works on the store itself, and on no server.
    pub(in crate::cli) fn needs_store(&self) -> bool {
        match self {
            Self::Run
            | Self::Work(_)
            | Self::Serve
            | Self::Exec(_)
            | Self::Prune { .. }
            | Self::Migrate { .. }
            | Self::Move(_)
            | Self::Import(_)
            | Self::Bench(_) => true,
            #[cfg(feature = "archive")]
            Self::Archive { .. } => true,
            #[cfg(feature = "rabbitmq")]
            Self::Broker { .. } | Self::DeadLetters { .. } => true,
            Self::Check(args) => args.waiting,
            _ => false,
        }
    }

    /// What the command changes, as in `cancel` or `queues pause`; `None` if it only reads. A
    /// trigger and an act with `--where` ask after they have shown what they would do.
    pub(in crate::cli) fn change(&self) -> Option<&'static str> {
        Some(match self {
            Self::Cancel(BulkArgs { filter: None, .. }) => "cancel",
            Self::Retry { target, .. } if target.filter.is_none() => "retry",
            Self::Edit(args) if args.target.filter.is_none() => "edit",
            Self::Delete(BulkArgs { filter: None, .. }) => "delete",
            Self::Erase { .. } => "erase",
            Self::Operations {
                command: Some(OperationCommand::Cancel { .. }),
            } => "operations cancel",
            Self::Queues {
                command: Some(command),
            } => match command {
                QueueCommand::Pause { .. } => "queues pause",
                QueueCommand::Drain { .. } => "queues drain",
                QueueCommand::Resume { .. } => "queues resume",
            },
            Self::Schedules {
                command: Some(command),
            } => match command {
                ScheduleCommand::Show { .. } => return None,
                ScheduleCommand::Create { .. } => "schedules create",
                ScheduleCommand::Edit { .. } => "schedules edit",
                ScheduleCommand::Pause { .. } => "schedules pause",
                ScheduleCommand::Resume { .. } => "schedules resume",
                ScheduleCommand::Run { .. } => "schedules run",
                ScheduleCommand::Delete { .. } => "schedules delete",
            },
            Self::Limits { .. } => "limits reset",
            Self::Token { command } => match command {
                TokenCommand::Create { .. } => "token create",
                TokenCommand::Revoke { .. } => "token revoke",
                TokenCommand::List => return None,
            },
            _ => return None,
        })
    }

    /// True if the command enqueues or executes, and so has telemetry to export.
    #[cfg(feature = "otlp")]
    pub(in crate::cli) fn has_telemetry(&self) -> bool {
        self.is_long_running() || matches!(self, Self::Trigger(_) | Self::Bench(_))
    }
}
