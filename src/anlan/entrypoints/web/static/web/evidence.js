// Photos with a move on a case: they go ahead in pieces, the form follows when they have come.

const given = document.getElementById("photo-words").dataset;
const said = JSON.parse(given.words);
const { attach } = await import(given.uploads);

for (const input of document.querySelectorAll('form[action^="/cases/"] input[type="file"][name="photo"]')) {
  const { form } = input;
  const photos = attach(form, said);
  const says = document.createElement("p");
  says.setAttribute("role", "status");
  form.append(says);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.dataset.going) return;
    form.dataset.going = "yes";
    const button = form.querySelector("button:not([type])");
    button.disabled = true;
    if (photos.busy) says.textContent = said["uploads.first"];
    await photos.settled();
    says.textContent = said["uploads.now"];
    form.submit();
  });
}

// Gone back to from the page that followed: the forms may be sent once more.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
