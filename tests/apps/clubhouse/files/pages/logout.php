<?php

if (!is_post()) {
    redirect('/');
}
check_csrf();
$_SESSION = [];
session_regenerate_id(true);
flash('ログアウトしました。 / You are logged out.');
redirect('/');
