/* Confirm with a passkey: the button shows only where this runs and the browser can; a password does without. */
{
  const place = document.querySelector("[data-passkey]");
  const options = JSON.parse(document.getElementById("passkey-options").textContent);
  const credential = document.getElementById(place.dataset.passkey);
  place.hidden = !window.PublicKeyCredential;
  place.querySelector("button").addEventListener("click", async () => {
    const failed = place.querySelector("[role=alert]");
    failed.textContent = "";
    try {
      credential.value = JSON.stringify(await webauthnJSON.get(options));
    } catch {
      failed.textContent = place.querySelector("template").content.textContent;
      return;
    }
    credential.form.noValidate = true;
    credential.form.requestSubmit();
  });
}
