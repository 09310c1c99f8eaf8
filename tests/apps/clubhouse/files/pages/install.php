<?php

// First start: makes the administrator, and sample data for those who want to look around.

if (value('SELECT COUNT(*) FROM members') > 0) {
    not_found();
}

$in = ['email' => '', 'name' => '', 'name_kana' => '', 'password' => ''];
$errors = [];

if (is_post()) {
    check_csrf();
    $in['email'] = post_str('email');
    $in['name'] = normalize_name(post_str('name'));
    $in['name_kana'] = mb_convert_kana(normalize_name(post_str('name_kana')), 'KVC');
    $in['password'] = is_string($_POST['password'] ?? null) ? $_POST['password'] : '';
    $errors = registration_errors($in);
    $sample = post_str('sample') === '1';
    $sample_password = post_str('sample_password');
    if ($sample && strlen($sample_password) < 8) {
        $errors[] = t('サンプル会員のパスワードは8文字以上にしてください。', 'The sample members\' password needs at least 8 characters.');
    }
    if (!$errors) {
        db()->beginTransaction();
        $id = create_member($in['email'], password_hash($in['password'], PASSWORD_DEFAULT), $in['name'], $in['name_kana'], 'admin');
        if ($sample) {
            require ROOT . '/data/sample.php';
            insert_sample_data($id, $sample_password);
        }
        db()->commit();
        forget_home();
        log_in(find_member($id));
        flash(t('初期設定が終わりました。', 'The site is set up.'));
        redirect('/admin');
    }
    http_response_code(422);
}

$title = t('初期設定', 'Setup');
require ROOT . '/templates/header.php';
?>
<h1><?= h($title) ?></h1>
<?php foreach ($errors as $error) echo '<p class="error">' . h($error) . '</p>'; ?>
<form method="post" action="/install">
  <?= csrf_field() ?>
  <label for="name"><?= t('管理者のお名前', 'Your name') ?></label>
  <input type="text" name="name" id="name" value="<?= h($in['name']) ?>" required>
  <label for="name_kana"><?= t('フリガナ', 'Reading (katakana)') ?></label>
  <input type="text" name="name_kana" id="name_kana" value="<?= h($in['name_kana']) ?>">
  <label for="email"><?= t('メールアドレス', 'E-mail') ?></label>
  <input type="email" name="email" id="email" value="<?= h($in['email']) ?>" required>
  <label for="password"><?= t('パスワード', 'Password') ?></label>
  <input type="password" name="password" id="password" required>
  <label><input type="checkbox" name="sample" value="1"> <?= t('サンプルデータを入れる', 'Fill in sample data') ?></label>
  <label for="sample_password"><?= t('サンプル会員のパスワード', 'Password of the sample members') ?></label>
  <input type="password" name="sample_password" id="sample_password">
  <br><button><?= t('設定する', 'Set up') ?></button>
</form>
<?php require ROOT . '/templates/footer.php';
