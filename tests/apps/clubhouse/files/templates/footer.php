</main>
<footer>&copy; <?= date('Y') ?> みどり台スポーツクラブ / Midoridai Sports Club</footer>
</body>
</html>
