//! What the guide tells people to copy is what their clients read: JSON, with our address and a key in it, each where that client looks.

use serde_json::Value;

const GUIDE: &str = include_str!("../../docs/guide.md");
const SECTION: &str = "### Connecting a client\n";
const URL: &str = "http://localhost:8080/mcp";

/// The blocks of a language, in order, each with the words before it.
fn blocks(language: &str) -> Vec<(&'static str, &'static str)> {
    let (_, section) = GUIDE.split_once(SECTION).expect("the guide has the section");
    let section = section.split("\n### ").next().expect("a section");
    let mut parts = section.split("```");
    let mut blocks = Vec::new();
    while let (Some(words), Some(block)) = (parts.next(), parts.next()) {
        if let Some(text) = block.strip_prefix(language) {
            blocks.push((words, text));
        }
    }
    blocks
}

/// Under which name a client looks for servers, and where for the address and the key.
#[test]
fn each_configuration_can_be_copied() {
    let (address, key) = ("/yonin/url", "/yonin/headers/Authorization");
    let expected = [
        (".mcp.json", "/mcpServers", address, key, "Bearer ${YONIN_KEY}"),
        ("claude_desktop_config.json", "/mcpServers", "/yonin/args/2", "/yonin/env/AUTHORIZATION", "Bearer KEY"),
        (".vscode/mcp.json", "/servers", address, key, "Bearer ${input:yonin-key}"),
        (".cursor/mcp.json", "/mcpServers", address, key, "Bearer ${env:YONIN_KEY}"),
    ];
    let blocks = blocks("json\n");
    assert_eq!(blocks.len(), expected.len());
    for ((words, text), (file, servers, address, key, shown)) in blocks.into_iter().zip(expected) {
        assert!(words.contains(&format!("`{file}`")) || words.contains(&format!("/{file}`")), "{file}: {words}");
        let config: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(config.pointer(&format!("{servers}{address}")), Some(&Value::from(URL)), "{file}");
        assert_eq!(config.pointer(&format!("{servers}{key}")), Some(&Value::from(shown)), "{file}");
        for input in config["inputs"].as_array().into_iter().flatten() {
            assert!(shown.contains(&format!("${{input:{}}}", input["id"].as_str().expect("an id"))), "{file}");
            assert_eq!(input["password"], true, "{file}");
        }
    }
}

#[test]
fn each_command_names_the_address_and_the_key() {
    let blocks = blocks("sh\n");
    assert_eq!(blocks.len(), 2);
    for (_, command) in blocks {
        assert!(command.contains(&format!(" {URL} ")), "{command}");
        assert!(command.contains(r#"--header "Authorization: Bearer $YONIN_KEY""#), "{command}");
    }
}
