//! How templates are shown.

use super::model::Template;
use crate::{
    base::text::{block, one_line},
    ui::{Answer, table},
};
use serde::Serialize;
use std::path::Path;

/// One template in a list.
#[derive(Debug, Serialize)]
pub struct TemplateView {
    /// Its name.
    pub name: String,
    /// Who wrote it: built-in, user, repository.
    pub source: &'static str,
    /// The file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The kind of work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What it says of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// Its colour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colour: Option<String>,
    /// Why it cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl TemplateView {
    /// Builds the view.
    pub fn new(
        name: &str,
        source: &'static str,
        path: Option<&Path>,
        template: Result<&Template, String>,
    ) -> Self {
        let known = template.as_ref().ok();
        TemplateView {
            name: name.to_owned(),
            source,
            path: path.map(|path| path.display().to_string()),
            kind: known.map(|template| template.kind.clone()),
            about: known.map(|template| template.about.clone()),
            colour: known.and_then(|template| template.colour.clone()),
            error: template.err(),
        }
    }
}

/// The answer of `template list`.
#[derive(Debug, Serialize)]
pub struct TemplateList {
    /// By name.
    pub templates: Vec<TemplateView>,
}

impl Answer for TemplateList {
    const SCHEMA: &'static str = "ccc.template.list/1";

    fn render(&self) -> String {
        let row = |view: &TemplateView| {
            let about = match &view.error {
                Some(error) => format!("cannot be used: {}", one_line(error, 200)),
                None => one_line(view.about.as_deref().unwrap_or_default(), 120),
            };
            vec![
                view.name.clone(),
                view.kind.clone().unwrap_or_else(|| "-".to_owned()),
                view.source.to_owned(),
                about,
            ]
        };
        table::columns(&self.templates.iter().map(row).collect::<Vec<_>>())
    }
}

/// The answer of `template show`.
#[derive(Debug, Serialize)]
pub struct TemplateDetail {
    /// Name, source and the like.
    #[serde(flatten)]
    pub view: TemplateView,
    /// What it holds.
    pub template: Template,
    /// Its TOML as it is written.
    #[serde(skip)]
    pub text: String,
    /// The steps of the work.
    pub steps: String,
}

impl Answer for TemplateDetail {
    const SCHEMA: &'static str = "ccc.template/1";

    fn render(&self) -> String {
        let from = match &self.view.path {
            Some(path) => one_line(path, 300),
            None => self.view.source.to_owned(),
        };
        let (text, steps) = (block(self.text.trim_end()), block(self.steps.trim_end()));
        let mut out = format!("# {} ({from})\n{text}\n", self.view.name);
        if !steps.is_empty() {
            out.push_str("\n# steps\n");
            out.push_str(&steps);
            out.push('\n');
        }
        out
    }
}

/// The answer of `template new`.
#[derive(Debug, Serialize)]
pub struct Made {
    /// Its name.
    pub name: String,
    /// Its file.
    pub path: String,
}

impl Answer for Made {
    const SCHEMA: &'static str = "ccc.template.new/1";

    fn render(&self) -> String {
        format!("{}\n", one_line(&self.path, 1000))
    }
}
