//! `git ccc template list|show|new`.

use super::{
    store,
    view::{Made, TemplateDetail, TemplateList, TemplateView},
};
use crate::{ctx::Ctx, error::Result};
use clap::{Args, Subcommand};

/// What can be done with templates of sessions.
#[derive(Debug, Subcommand)]
pub enum TemplateCommand {
    /// List the templates: the user's own, the repository's, those that come along
    List,
    /// Show what a template holds
    Show(ShowArgs),
    /// Begin a template of one's own from another one
    New(NewArgs),
}

/// Arguments of `template show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Name of the template
    name: String,
}

/// Arguments of `template new`.
#[derive(Debug, Args)]
pub struct NewArgs {
    /// Name of the new one
    name: String,
    /// Name of the one it begins as
    #[arg(long, value_name = "NAME", default_value = "feature")]
    from: String,
}

/// Runs `template …`.
pub fn run(ctx: &Ctx, command: &TemplateCommand) -> Result<()> {
    match command {
        TemplateCommand::List => list(ctx),
        TemplateCommand::Show(args) => {
            let found = store::find(ctx, &args.name)?;
            ctx.ui.answer(&TemplateDetail {
                view: TemplateView::new(
                    &found.name,
                    found.source.word(),
                    found.source.path(),
                    Ok(&found.template),
                ),
                template: found.template,
                text: found.text,
                steps: found.steps,
            })
        }
        TemplateCommand::New(args) => {
            let from = store::find(ctx, &args.from)?;
            let path = store::write(&args.name, &from)?;
            ctx.ui.answer(&Made {
                name: args.name.clone(),
                path: path.display().to_string(),
            })
        }
    }
}

fn list(ctx: &Ctx) -> Result<()> {
    let views = store::names(ctx).into_iter().map(|(name, source)| {
        let found = store::find(ctx, &name);
        let template = found
            .as_ref()
            .map(|found| &found.template)
            .map_err(ToString::to_string);
        TemplateView::new(&name, source.word(), source.path(), template)
    });
    ctx.ui.answer(&TemplateList {
        templates: views.collect(),
    })
}
