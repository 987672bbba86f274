// Mermaid draws the diagrams when the page is loaded. In dark colours the theme inverts them.
// By default the first line of a chart would be almost as light as the page.
mermaid.initialize({
    theme: "neutral",
    themeVariables: {
        xyChart: {backgroundColor: "transparent", plotColorPalette: "#2b6cb0, #b7791f, #2f855a"},
    },
});
