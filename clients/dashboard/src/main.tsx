import { render } from "preact";
import { loadSession } from "./api/session";
import { Shell } from "./shell/shell";

const place = document.getElementById("app");
if (place) render(<Shell />, place);
void loadSession();
