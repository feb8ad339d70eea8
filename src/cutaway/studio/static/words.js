// Every word that the page itself says, in one catalogue. What the network's own process says is in English.

/** @type {Record<string, Record<string, string>>} */
const CATALOGUE = {
  en: {
    studio: "Cutaway studio", language: "Language", colours: "Colours", auto: "Auto", light: "Light", dark: "Dark",
    lead: "A file becomes a network. Watch it train, stop it anywhere, and open it down to the chain rule of one weight.",
    drop: "Drop a table, a .ts file or an .npz here", choose: "Choose a file", sending: "Reading {name} …",
    larger: "Folders of images, and files above 512 MB: open them where they lie, with",
    samples: "No file at hand?", playground: "Playground: made data", made_is: "Points in a plane: each class or number has its place; the noise is yours.",
    moons: "Moons", circles: "Circles", spirals: "Spirals", xor: "Quarters (xor)", blobs: "Blobs", sine: "A curve", rows_made: "rows", noise: "noise", own_noise: "its own", make: "Make it",
    script: "As a Python script", drawing: "The network for this row", flow: "What flows", flow_ahead: "forward: values and weights", flow_back: "backward: gradients of J",
    drawing_says: "The first {n} units of each layer: large is far from zero; orange is above, blue and dashed below. A line opens its weight.", beside: "Beside another run", beside_run: "Run {n}", nobody: "alone", choices_differ: "chosen otherwise", lowest: "lowest J",
    diagnosis: "What is wrong?", sound: "Nothing that the checks look for.", cure: "Try it beside this run: {what}", curing: "Designing and training with the change …", serious: "serious", notice: "notice", picture: "Picture (SVG)", as_csv: "CSV",
    plane: "What the network says over two of its inputs", plane_says: "Before step {step}: where it is sure, the colour is full. All other inputs are those of a typical row.",
    plane_row: "Before step {step}: all other inputs are those of this row.", plane_shares: "Of this plane it gives {shares}.", plane_low: "low", plane_high: "high", across: "across", up: "up",
    maps_says: "largest {v}", houses: "House prices", italy_power: "Power demand", japanese_vowels: "Spoken vowels",
    houses_is: "2,930 houses in Ames, Iowa: a table with gaps and categories",
    italy_power_is: "Days of a power grid: summer or winter?", japanese_vowels_is: "Nine speakers, one vowel: who is it?",
    runs: "Runs", no_runs: "None yet.", new: "not designed yet", designed: "designed", training: "training",
    done: "done", stopped: "stopped", failed: "failed", steps_done: "{n} steps",
    columns: "What is in the file", target: "What is to be predicted?", target_short: "predicts", column: "column", kind: "kind", gaps: "gaps",
    distinct: "different", cells: "first cells", as_found: "{kind} (found)", kind_of: "Kind of {name}",
    number: "number", category: "category", boolean: "yes or no", date: "date", dropped: "left out", text: "text",
    identifier: "identifier", constant: "constant",
    labels: "Labels", design: "The design, and why", choice: "choice", value: "value", reason: "because",
    make_design: "Design the network", redesign: "Design again", designing: "Reading and designing …",
    train: "Train", preset: "preset", hidden: "hidden neurons", activation: "activation", dropout: "dropout",
    lr: "learning rate", batch_size: "batch", epochs: "epochs", seed: "seed", controls: "Choose otherwise",
    as_designed: "as designed: {now}", steps_to_do: "{n} steps at most", notes: "Notes", remarks: "What makes a score doubtful",
    loss: "loss J", step: "step", epoch: "epoch", curve: "The loss of each step", stop: "Stop", go_on: "Go on", another: "Another run on this file",
    model: "The model as a file", report: "The report", pick: "Click a point, or use the arrow keys and Enter: every step can be opened.",
    pick_live: "It trains. Every step that is done can be opened already.",
    curve_says: "{n} steps: J goes from {first} to {last}; the lowest is {low} at step {at}.",
    curve_none: "No step is done yet.", as_table: "As a table", listen: "Listen", step_is: "step {step}, J = {J}",
    lost: "The studio does not answer. Runs go on without it; this page comes back by itself when `cutaway studio` runs again.",
    back_again: "The studio is there again.", wait: "One moment …", thread: "Where you are", run: "run",
    step_n: "Step {n}", row_n: "Row {n}", batch: "The batch", batch_says: "{n} rows make this step: J is the mean of their losses. Open one.",
    row: "row", row_loss: "its loss", updates: "What the step changes", parameter: "parameter", gradient: "gradient ‖g‖",
    size: "size ‖θ‖", state: "state", change: "change", shape: "shape", count: "how many", difference: "difference", moved: "moved ‖Δθ‖", largest: "largest gradient", listing: "Every instruction of the step",
    previous: "Step before", next: "Next step", jump: "Go to step", in_file: "In the file", given: "What the network is given",
    feature: "feature", network: "What each unit says of this row", unit: "unit", units_says: "Colour: the unit's value. Open one.",
    member: "member", no_units: "its numbers lie in space or time", why_value: "Where the value comes from", why_back: "How J hangs on it",
    reads: "The weights that it reads with", from: "from", weight: "weight", its_gradient: "∂J/∂w",
    chain: "Its gradient, by the chain rule", update: "Its update", course: "This weight over all steps",
    course_says: "From {first} to {last} in {n} steps; smallest {low}, largest {high}.", weight_value: "its value now: {value}",
    no_update: "J or a gradient is not finite: this step changes nothing.",
    fork: "What if? Fork here", fork_says: "From this step on another future is trained beside the first.", rate: "Another learning rate",
    optimizer: "Another optimizer", kill: "Silence a unit", freeze: "Keep this weight as it is", edit: "Give this weight another value",
    do_fork: "Fork", forks: "Futures", first_future: "as it was", fork_n: "Fork {n}", from_step: "from step {n}: {what}",
    apart: "weights apart ‖Δθ‖", fork_difference: "J of the fork less J of the first, at step {n}: {d}", layer: "layer",
    verdict: "How good is it?", part: "rows", linear: "linear model", net: "network", model_name: "model", ended: "Training has ended: {why}", home: "All files and runs",
    validation: "validation", test: "test", training_part: "training",
    see: "Look at", see_answers: "Its answers", see_landscape: "Loss landscape", see_filters: "Filters", see_states: "States over time",
    answers_say: "{n} rows of {part}, as the network answers them before step {step}:", worst: "The rows farthest off", said: "the network says", true_value: "the truth", residual: "truth − answer",
    said_true: "Answers beside the truth", said_true_says: "On the dashed line an answer is right. On average the truth is {mean} above the answer; {over} % of the answers are too high.", residuals: "Residuals", residuals_say: "Without a pattern around zero, nothing is left to learn; a fan or a bend says where it is worse.", spread: "How far off, and how often",
    confusion: "What is taken for what", confusion_says: "{right} of {n} are on the diagonal, told right. {worst}", mistaken: "The commonest mistake: {a} taken for {b}, {n} of {of}.", no_mistake: "There is no mistake.",
    calibration: "Is it as sure as it is right?", sure: "probability said", happened: "share that came true", by_chance: "by chance", calibration_says: "On the dashed line probabilities are true. They are off by {e} % on average; {c} % would be chance.", its_probability: "probability of the truth",
    filters_say: "What each convolution looks for, the strongest first: orange above zero; below zero blue, leaving a rim. A filter opens its largest weight.", filters_layer: "The strongest is filter {k}, of size {size}. Of many input channels each tile shows the one with its largest weight.", filter: "filter", size_of: "size ‖w‖", channel: "channel", largest_weight: "its largest weight",
    landscape_says: "The true loss on the plane through weight space that lies closest to the run's own path. The path ends at the large dot; Enter or a click opens the nearest step of it.",
    landscape_found: "On {rows} rows J goes from {first} to {last} in {n} steps; the lowest on this plane is {low}. Of what the path does in {weights} weights the plane shows {share} %; it leaves it by at most {away}.", way_1: "first direction", way_2: "second direction", own_path: "the run's path",
    states_say: "Row {row}, read in {n} moments by the network before this step.", what_is_seen: "layer and part", place_in_batch: "row of the batch (from 0)", sequence: "The sequence that it reads", moment: "moment",
    part_hidden: "hidden state h", part_cell: "memory c", part_input: "input gate i", part_forget: "forget gate f", part_reset: "reset gate r", part_update: "update gate z", part_candidate: "candidate", part_output: "output gate o",
    gate_says: "Full is open, empty is shut. On average it is {mean} % open; {open} % of its places are open (above 0.9), {shut} % shut (below 0.1).", state_says: "Unit {unit} moves most, by {moved}. At {full} % of the places it is full (above 0.99 in size).", reads_back: "This direction reads from the end.",
    curve_name: "curve", nothing_yet: "nothing yet", key_signed: "Orange: above zero, blue with a rim: below; full is {v}.", key_plain: "From {low}, empty, to {high}, full.", cell: "recurrent cells", width: "their number",
  },
  ar: {
    studio: "استوديو Cutaway", language: "اللغة", colours: "الألوان", auto: "تلقائي", light: "فاتح", dark: "داكن",
    lead: "ملف يصير شبكة. شاهدها تتدرّب، وأوقفها أينما شئت، وافتحها حتى قاعدة السلسلة لوزن واحد.",
    drop: "أفلت هنا جدولًا أو ملف ‎.ts‎ أو ‎.npz‎", choose: "اختر ملفًا", sending: "تجري قراءة {name} …",
    larger: "مجلدات الصور والملفات الأكبر من 512 ميغابايت تُفتح حيث هي، بالأمر",
    samples: "لا ملف لديك؟", playground: "ملعب: بيانات مصنوعة", made_is: "نقاط في مستوٍ: لكل فئة أو عدد مكان، والضجيج باختيارك.",
    moons: "هلالان", circles: "دوائر", spirals: "لولبان", xor: "أرباع (xor)", blobs: "كتل", sine: "منحنى", rows_made: "الصفوف", noise: "الضجيج", own_noise: "كما هو", make: "اصنعها",
    script: "برنامج Python", drawing: "الشبكة لهذا الصف", flow: "ما يسري", flow_ahead: "إلى الأمام: القيم والأوزان", flow_back: "إلى الخلف: تدرّجات J",
    drawing_says: "أول {n} وحدة من كل طبقة: الكبير بعيد عن الصفر؛ البرتقالي فوقه، والأزرق المتقطع تحته. كل خط يفتح وزنه.", beside: "إلى جانب تدريب آخر", beside_run: "التدريب {n}", nobody: "وحده", choices_differ: "اختير غيره", lowest: "أدنى J",
    diagnosis: "ما الخلل؟", sound: "لا شيء مما تبحث عنه الفحوص.", cure: "جرّبه إلى جانب هذا التدريب: {what}", curing: "يجري التصميم والتدريب بالتغيير …", serious: "خطير", notice: "ملاحظة", picture: "صورة (SVG)", as_csv: "CSV",
    plane: "ما تقوله الشبكة على مدخلين من مدخلاتها", plane_says: "قبل الخطوة {step}: حيث تكون واثقة يكون اللون كاملًا. سائر المدخلات من صف نموذجي.",
    plane_row: "قبل الخطوة {step}: سائر المدخلات من هذا الصف.", plane_shares: "من هذا المستوي تعطي {shares}.", plane_low: "منخفض", plane_high: "مرتفع", across: "أفقيًا", up: "عموديًا",
    maps_says: "الأكبر {v}", houses: "أسعار البيوت", italy_power: "الطلب على الكهرباء", japanese_vowels: "حروف منطوقة",
    houses_is: "2930 بيتًا في أيمز بولاية آيوا: جدول فيه فراغات وفئات",
    italy_power_is: "أيام من شبكة كهرباء: صيف أم شتاء؟", japanese_vowels_is: "تسعة متكلمين وحرف واحد: من هو؟",
    runs: "التدريبات", no_runs: "لا شيء بعد.", new: "لم يُصمَّم بعد", designed: "مُصمَّم", training: "يتدرّب",
    done: "انتهى", stopped: "موقوف", failed: "فشل", steps_done: "{n} خطوة",
    columns: "ما في الملف", target: "ما الذي يُراد التنبؤ به؟", target_short: "يتنبأ بـ", column: "العمود", kind: "النوع", gaps: "فراغات",
    distinct: "قيم مختلفة", cells: "الخلايا الأولى", as_found: "{kind} (كما وُجد)", kind_of: "نوع {name}",
    number: "عدد", category: "فئة", boolean: "نعم أو لا", date: "تاريخ", dropped: "متروك", text: "نص",
    identifier: "معرّف", constant: "ثابت",
    labels: "التصنيفات", design: "التصميم وأسبابه", choice: "الخيار", value: "القيمة", reason: "لأن",
    make_design: "صمّم الشبكة", redesign: "أعد التصميم", designing: "تجري القراءة والتصميم …",
    train: "درّب", preset: "إعداد مسبق", hidden: "عصبونات مخفية", activation: "دالة التنشيط", dropout: "إسقاط",
    lr: "معدل التعلّم", batch_size: "الدفعة", epochs: "الدورات", seed: "البذرة", controls: "اختر غير ذلك",
    as_designed: "كما صُمّم: {now}", steps_to_do: "{n} خطوة على الأكثر", notes: "ملاحظات", remarks: "ما يجعل النتيجة موضع شك",
    loss: "الخسارة J", step: "الخطوة", epoch: "الدورة", curve: "خسارة كل خطوة", stop: "أوقف", go_on: "تابع", another: "تدريب آخر على هذا الملف",
    model: "النموذج ملفًا", report: "التقرير", pick: "انقر نقطة، أو استعمل مفاتيح الأسهم ثم Enter: كل خطوة تُفتح.",
    pick_live: "تتدرّب الآن. كل خطوة تمّت يمكن فتحها.",
    curve_says: "{n} خطوة: تنتقل J من {first} إلى {last}، وأدناها {low} عند الخطوة {at}.",
    curve_none: "لم تتم أي خطوة بعد.", as_table: "جدولًا", listen: "استمع", step_is: "الخطوة {step}، ‏J = {J}",
    lost: "الاستوديو لا يجيب. التدريب يستمر من دونه، وتعود هذه الصفحة وحدها حين يعمل `cutaway studio` ثانية.",
    back_again: "عاد الاستوديو.", wait: "لحظة …", thread: "أين أنت", run: "تدريب",
    step_n: "الخطوة {n}", row_n: "الصف {n}", batch: "الدفعة", batch_says: "{n} صفًا تصنع هذه الخطوة، وJ متوسط خسائرها. افتح واحدًا.",
    row: "الصف", row_loss: "خسارته", updates: "ما تغيّره الخطوة", parameter: "المعامل", gradient: "التدرّج ‖g‖",
    size: "الحجم ‖θ‖", state: "الحالة", change: "التغيير", shape: "الأبعاد", count: "العدد", difference: "الفرق", moved: "التحرّك ‖Δθ‖", largest: "أكبر تدرّج", listing: "كل تعليمات الخطوة",
    previous: "الخطوة السابقة", next: "الخطوة التالية", jump: "اذهب إلى الخطوة", in_file: "في الملف", given: "ما يُعطى للشبكة",
    feature: "السمة", network: "ما تقوله كل وحدة عن هذا الصف", unit: "الوحدة", units_says: "اللون: قيمة الوحدة. افتح واحدة.",
    member: "عضو", no_units: "أعدادها في المكان أو الزمان", why_value: "من أين تأتي القيمة", why_back: "كيف تتعلّق J بها",
    reads: "الأوزان التي تقرأ بها", from: "من", weight: "الوزن", its_gradient: "∂J/∂w",
    chain: "تدرّجه بقاعدة السلسلة", update: "تحديثه", course: "هذا الوزن عبر كل الخطوات",
    course_says: "من {first} إلى {last} في {n} خطوة؛ الأصغر {low} والأكبر {high}.", weight_value: "قيمته الآن: {value}",
    no_update: "J أو تدرّج ليس منتهيًا: هذه الخطوة لا تغيّر شيئًا.",
    fork: "ماذا لو؟ تفرّع هنا", fork_says: "من هذه الخطوة يُدرَّب مستقبل آخر إلى جانب الأول.", rate: "معدل تعلّم آخر",
    optimizer: "مُحسِّن آخر", kill: "أسكت وحدة", freeze: "أبقِ هذا الوزن كما هو", edit: "أعطِ هذا الوزن قيمة أخرى",
    do_fork: "تفرّع", forks: "المستقبلات", first_future: "كما كان", fork_n: "الفرع {n}", from_step: "من الخطوة {n}: {what}",
    apart: "تباعد الأوزان ‖Δθ‖", fork_difference: "J الفرع ناقص J الأول عند الخطوة {n}: ‏{d}", layer: "الطبقة",
    verdict: "ما مدى جودتها؟", part: "الصفوف", linear: "نموذج خطي", net: "الشبكة", model_name: "النموذج", ended: "انتهى التدريب: {why}", home: "كل الملفات والتدريبات",
    validation: "تحقق", test: "اختبار", training_part: "تدريب",
    see: "انظر إلى", see_answers: "إجاباتها", see_landscape: "تضاريس الخسارة", see_filters: "المرشّحات", see_states: "الحالات عبر الزمن",
    answers_say: "{n} صفًا من {part}، كما تجيب عنها الشبكة قبل الخطوة {step}:", worst: "أبعد الصفوف عن الصواب", said: "ما تقوله الشبكة", true_value: "الحقيقة", residual: "الحقيقة − الإجابة",
    said_true: "الإجابات إلى جانب الحقيقة", said_true_says: "على الخط المتقطع تكون الإجابة صحيحة. الحقيقة أعلى من الإجابة بـ {mean} في المتوسط، و{over} ٪ من الإجابات أعلى مما ينبغي.", residuals: "البواقي", residuals_say: "إن لم يكن لها نمط حول الصفر فلا شيء باقٍ للتعلّم؛ المروحة أو الانحناء يدلّان أين هي أسوأ.", spread: "كم تبتعد، وكم مرة",
    confusion: "ما يُظنّ ماذا", confusion_says: "{right} من {n} على القطر، أي صحيحة. {worst}", mistaken: "أكثر الأخطاء: {a} ظُنّ {b}، {n} من {of}.", no_mistake: "لا خطأ.",
    calibration: "أهي واثقة بقدر صوابها؟", sure: "الاحتمال المُعلن", happened: "النسبة التي تحققت", by_chance: "بالصدفة", calibration_says: "على الخط المتقطع تصدق الاحتمالات. تبتعد {e} ٪ في المتوسط، و{c} ٪ من الصدفة.", its_probability: "احتمال الحقيقة",
    filters_say: "ما يبحث عنه كل التفاف، الأقوى أولًا: البرتقالي فوق الصفر، والأزرق بحافة تحته. كل مرشّح يفتح أكبر أوزانه.", filters_layer: "الأقوى هو المرشّح {k} وحجمه {size}. من القنوات الكثيرة يُعرض ما فيه أكبر وزن.", filter: "المرشّح", size_of: "الحجم ‖w‖", channel: "القناة", largest_weight: "أكبر أوزانه",
    landscape_says: "الخسارة الحقيقية على المستوي الأقرب إلى مسار التدريب في فضاء الأوزان. ينتهي المسار عند النقطة الكبيرة؛ Enter أو نقرة تفتح أقرب خطوة منه.",
    landscape_found: "على {rows} صفًا تنتقل J من {first} إلى {last} في {n} خطوة، وأدناها على هذا المستوي {low}. يُظهر المستوي {share} ٪ من حركة المسار في {weights} وزنًا، ويبتعد المسار عنه {away} على الأكثر.", way_1: "الاتجاه الأول", way_2: "الاتجاه الثاني", own_path: "مسار التدريب",
    states_say: "الصف {row}، تقرؤه الشبكة في {n} لحظة قبل هذه الخطوة.", what_is_seen: "الطبقة والجزء", place_in_batch: "الصف في الدفعة (من 0)", sequence: "السلسلة التي تقرؤها", moment: "اللحظة",
    part_hidden: "الحالة المخفية h", part_cell: "الذاكرة c", part_input: "بوابة الإدخال i", part_forget: "بوابة النسيان f", part_reset: "بوابة التصفير r", part_update: "بوابة التحديث z", part_candidate: "المرشَّح للكتابة", part_output: "بوابة الإخراج o",
    gate_says: "الممتلئ مفتوح والفارغ مغلق. مفتوحة {mean} ٪ في المتوسط؛ {open} ٪ من مواضعها مفتوحة (فوق 0.9) و{shut} ٪ مغلقة (تحت 0.1).", state_says: "الوحدة {unit} أكثرها حركة، بمقدار {moved}. عند {full} ٪ من المواضع ممتلئة (فوق 0.99 حجمًا).", reads_back: "هذا الاتجاه يقرأ من النهاية.",
    curve_name: "المنحنى", nothing_yet: "لا شيء بعد", key_signed: "البرتقالي فوق الصفر، والأزرق بحافة تحته؛ الممتلئ {v}.", key_plain: "من {low}، فارغًا، إلى {high}، ممتلئًا.", cell: "خلايا تكرارية", width: "عددها",
  },
};

/** Languages by the name that their speakers give them. @type {Record<string, string>} */
export const LANGUAGES = { en: "English", ar: "العربية" };

let language = "en";

/** Speak a language from now on; the page's direction follows. @param {string} asked */
export function speak(asked) {
  language = asked in CATALOGUE ? asked : "en";
  document.documentElement.lang = language;
  document.documentElement.dir = language === "ar" ? "rtl" : "ltr";
  document.title = t("studio");
}

/** @returns {string} */
export function spoken() {
  return language;
}

/** Words by name, with values put in. @param {string} name @param {Record<string, any>} [values] @returns {string} */
export function t(name, values) {
  const words = CATALOGUE[language][name] ?? CATALOGUE.en[name] ?? name;
  return words.replace(/\{(\w+)\}/g, (_, key) => String(values?.[key] ?? ""));
}

/** Whether there are words of this name. @param {string} name */
export function known(name) {
  return name in CATALOGUE.en;
}
