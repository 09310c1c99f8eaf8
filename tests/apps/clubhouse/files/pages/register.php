<?php

if (me()) {
    redirect('/profile');
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
    if (!$errors) {
        try {
            $id = create_member($in['email'], password_hash($in['password'], PASSWORD_DEFAULT), $in['name'], $in['name_kana']);
        } catch (PDOException $e) {
            if (($e->errorInfo[1] ?? 0) != 1062) {
                throw $e;
            }
            // somebody pressed the button twice
            redirect('/login');
        }
        log_in(find_member($id));
        flash(t('ご入会ありがとうございます！', 'Thank you for joining!'));
        redirect('/profile');
    }
    http_response_code(422);
}

$title = t('入会', 'Join');
require ROOT . '/templates/header.php';
?>
<h1><?= t('入会フォーム', 'Join the club') ?></h1>
<?php foreach ($errors as $error): ?>
<p class="error"><?= h($error) ?></p>
<?php endforeach ?>
<form method="post" action="/register">
  <?= csrf_field() ?>
  <label for="name"><?= t('お名前（姓と名の間にスペース）', 'Name (family name first, then a space)') ?></label>
  <input type="text" name="name" id="name" value="<?= h($in['name']) ?>" placeholder="山田 太郎" maxlength="100" required>
  <label for="name_kana"><?= t('フリガナ', 'Reading (katakana)') ?></label>
  <input type="text" name="name_kana" id="name_kana" value="<?= h($in['name_kana']) ?>" placeholder="ヤマダ タロウ" maxlength="100">
  <label for="email"><?= t('メールアドレス', 'E-mail') ?></label>
  <input type="email" name="email" id="email" value="<?= h($in['email']) ?>" required>
  <label for="password"><?= t('パスワード（8文字以上）', 'Password (8 characters or more)') ?></label>
  <input type="password" name="password" id="password" minlength="8" required>
  <br><button><?= t('入会する', 'Join') ?></button>
</form>
<?php require ROOT . '/templates/footer.php';
