// A trial's page: copies commands, and says why there is no drawing where there is none.
"use strict";
(() => {
  const drawing = document.getElementById("drawing"), state = document.getElementById("drawing-state");
  const copied = document.getElementById("copied");

  async function why() {
    const answer = await fetch(drawing.src);
    drawing.parentElement.hidden = true;
    state.textContent = `No drawing: ${(await answer.text()).slice(0, 500)}`;
  }

  drawing.addEventListener("error", why);
  if (drawing.complete && !drawing.naturalWidth) why();

  for (const button of document.querySelectorAll("button.copy")) {
    button.addEventListener("click", async () => {
      const code = document.getElementById(button.dataset.copy);
      try {
        await navigator.clipboard.writeText(code.textContent);
        copied.textContent = "The command is copied.";
      } catch (error) {
        getSelection().selectAllChildren(code);
        copied.textContent = "The command is selected: copy it with the keyboard.";
      }
    });
  }
})();
