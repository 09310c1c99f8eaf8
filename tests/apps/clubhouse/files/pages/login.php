<?php

$next = get_str('next');
// only to our own pages
if (!preg_match('~^/(?![/\\\\])[^\s\\\\]*$~', $next)) {
    $next = '/';
}
$email = '';
$error = '';

if (is_post()) {
    check_csrf();
    $email = post_str('email');
    if (too_many_failures($email)) {
        http_response_code(429);
        $error = t('しばらくしてからもう一度お試しください。', 'Too many attempts. Please try again later.');
    } else {
        $member = check_login($email, is_string($_POST['password'] ?? null) ? $_POST['password'] : '');
        if ($member) {
            log_in($member);
            flash(t('ログインしました。', 'You are logged in.'));
            redirect($next);
        }
        count_failure($email);
        http_response_code(422);
        $error = t('メールアドレスかパスワードが違います。', 'Wrong e-mail address or password.');
    }
}

$title = t('ログイン', 'Log in');
require ROOT . '/templates/header.php';
?>
<h1><?= h($title) ?></h1>
<?php if ($error) echo '<p class="error">' . h($error) . '</p>'; ?>
<form method="post">
  <?= csrf_field() ?>
  <label for="email"><?= t('メールアドレス', 'E-mail') ?></label>
  <input type="email" name="email" id="email" value="<?= h($email) ?>" required>
  <label for="password"><?= t('パスワード', 'Password') ?></label>
  <input type="password" name="password" id="password" required>
  <br><button><?= t('ログイン', 'Log in') ?></button>
</form>
<p><a href="/register"><?= t('はじめての方はこちら', 'Not a member yet?') ?></a></p>
<?php require ROOT . '/templates/footer.php';
