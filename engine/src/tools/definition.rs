//! How a tool is described to the model that may call it: a description, and a JSON Schema of its arguments.

use serde_json::{Map, Value, json};

#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    pub description: String,
    properties: Map<String, Value>,
    required: Vec<String>,
}

impl Definition {
    pub fn new(description: impl Into<String>) -> Definition {
        Definition { description: description.into(), properties: Map::new(), required: Vec::new() }
    }

    pub fn text(self, name: &str, description: &str) -> Definition {
        self.property(name, json!({ "type": "string", "description": description }))
    }

    pub fn number(self, name: &str, description: &str) -> Definition {
        self.property(name, json!({ "type": "number", "description": description }))
    }

    pub fn flag(self, name: &str, description: &str) -> Definition {
        self.property(name, json!({ "type": "boolean", "description": description }))
    }

    /// One of these values, exactly.
    pub fn choice<'a>(self, name: &str, description: &str, values: impl IntoIterator<Item = &'a str>) -> Definition {
        let values: Vec<&str> = values.into_iter().collect();
        self.property(name, json!({ "type": "string", "enum": values, "description": description }))
    }

    /// Any JSON Schema, as it is.
    pub fn property(mut self, name: &str, schema: Value) -> Definition {
        self.properties.insert(name.to_owned(), schema);
        self
    }

    /// Which of the arguments a model must give. Told to the model only: a tool never trusts it.
    pub fn required<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Definition {
        self.required.extend(names.into_iter().map(str::to_owned));
        self
    }

    pub fn parameters(&self) -> Value {
        json!({ "type": "object", "properties": self.properties, "required": self.required })
    }
}
