// SPDX-License-Identifier: Apache-2.0
// Signing in: passkeys, and the enrolment link that stands after the # of the address.
//
// - The link's token goes into its field and out of the address, so that it is not kept in the history.
// - A form with data-passkey asks the browser for a passkey and is sent with what the browser answers.

const link = document.querySelector("[data-link]");

function takeLink() {
  if (!link || !location.hash.startsWith("#vl_")) return;
  link.value = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
}

takeLink();
// A link opened where this page already stands changes the address and loads nothing.
addEventListener("hashchange", takeLink);

for (const form of document.querySelectorAll("form[data-passkey]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const problem = form.querySelector("[role=alert][hidden], [role=alert]:last-of-type");
    const button = form.querySelector("[data-ready]");
    button.disabled = true;
    problem.hidden = true;
    try {
      form.elements.credential.value = JSON.stringify(await ask(form));
      form.submit();
    } catch {
      problem.textContent = form.dataset.failed;
      problem.hidden = false;
      button.disabled = false;
      button.focus();
    }
  });
}

async function ask(form) {
  const options = await optionsOf(form);
  if (form.dataset.passkey === "get") return webauthnJSON.get(options);
  // Kept on the device and unlocked by its person: only so is it enough alone.
  Object.assign(options.publicKey.authenticatorSelection, {
    residentKey: "required",
    requireResidentKey: true,
    userVerification: "required",
  });
  return webauthnJSON.create(options);
}

async function optionsOf(form) {
  if (!form.dataset.options) return JSON.parse(document.getElementById("passkey-options").textContent);
  const answer = await fetch(form.dataset.options, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error("no options");
  return (await answer.json()).request_options;
}
