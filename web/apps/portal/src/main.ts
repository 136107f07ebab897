import { mount } from "svelte";
import "@denizen/ui/theme.css";
import "@denizen/ui/print.css";
import App from "./App.svelte";

const target = document.getElementById("app");
if (target !== null) mount(App, { target });
